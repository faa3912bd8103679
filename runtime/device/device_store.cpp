#include "runtime/device/device_store.hpp"

#include <cstring>
#include <stdexcept>

namespace tutti {
namespace {

StridedCopy strided(const Argument& from, const Argument& to, const Box& box, std::uint64_t element_bytes) {
  StridedCopy c;
  c.from = static_cast<const std::byte*>(from.data);
  c.to = static_cast<std::byte*>(to.data);
  c.row_bytes = static_cast<std::uint64_t>(box.extent(2)) * element_bytes;
  c.rows = static_cast<std::uint64_t>(box.extent(1));
  c.planes = static_cast<std::uint64_t>(box.extent(0));
  c.from_row = static_cast<std::uint64_t>(from.stride1) * element_bytes;
  c.from_plane = static_cast<std::uint64_t>(from.stride0) * element_bytes;
  c.to_row = static_cast<std::uint64_t>(to.stride1) * element_bytes;
  c.to_plane = static_cast<std::uint64_t>(to.stride0) * element_bytes;
  return c;
}

Argument dense(const std::byte* data, const Box& box) {
  // an Argument has no read-only form
  return {const_cast<std::byte*>(data), box.extent(1) * box.extent(2), box.extent(2), box};
}

std::uint64_t packed_bytes(const Piece& p) {
  return (p.positions ? p.positions->size() : static_cast<std::uint64_t>(p.cells.box.size())) *
         p.element_bytes;
}

/// Copies the arrays of tile objects to the device and lets the objects point there.
class Uploader : public AddressVisitor {
 public:
  Uploader(DeviceContext& context, std::vector<DeviceBuffer>& arrays, const std::string& what)
      : context_(context), arrays_(arrays), what_(what) {}
  void visit(const void*& address, const std::function<std::uint64_t()>& bytes) override {
    const std::uint64_t n = bytes();
    arrays_.emplace_back(context_.device, n, what_);
    StridedCopy c;
    c.from = static_cast<const std::byte*>(address);
    c.to = arrays_.back().data();
    c.row_bytes = n;
    if (n > 0) context_.device->copy(c, Direction::to_device, context_.compute);
    address = c.to;
  }

 private:
  DeviceContext& context_;
  std::vector<DeviceBuffer>& arrays_;
  const std::string& what_;
};

}  // namespace

StridedCopy copy_of(const Argument& from, const Argument& to, std::uint32_t element_bytes) {
  return strided(from, to, from.box, element_bytes);
}

void pack_on_device(Device& device, StreamId stream, const Piece& p, const std::uint32_t* positions,
                    std::byte* to) {
  if (packed_bytes(p) == 0) return;
  if (p.positions)
    device.gather(static_cast<const std::byte*>(p.cells.data), positions, p.positions->size(),
                  p.element_bytes, to, stream);
  else
    device.copy(strided(p.cells, dense(to, p.cells.box), p.cells.box, p.element_bytes), Direction::on_device,
                stream);
}

void unpack_on_device(Device& device, StreamId stream, const std::byte* from, const Piece& p) {
  if (packed_bytes(p) == 0) return;
  device.copy(strided(dense(from, p.cells.box), p.cells, p.cells.box, p.element_bytes), Direction::on_device,
              stream);
}

std::byte* DeviceStore::address(const void* host) {
  if (host == nullptr) return nullptr;
  const auto* at = static_cast<const std::byte*>(host);
  const auto find = [&]() -> std::byte* {
    auto part = parts_.upper_bound(at);
    if (part == parts_.begin()) return nullptr;
    --part;
    const std::ptrdiff_t offset = at - part->first;
    return static_cast<std::uint64_t>(offset) < part->second.bytes ? part->second.memory.data() + offset
                                                                   : nullptr;
  };
  if (std::byte* found = find()) return found;
  for (const Memory* m : store_.memories()) {
    const std::string what = store_.is_scalar() ? "a scalar" : "'" + store_.label() + "'";
    if (m->size_bytes() > 0 && !parts_.contains(m->data()))
      parts_.emplace(m->data(), Part{m->size_bytes(), DeviceBuffer(context_->device, m->size_bytes(), what)});
  }
  if (std::byte* found = find()) return found;
  throw std::logic_error("an address is in no memory of its store");
}

std::byte* DeviceStore::object(const void* host, const Parameter& parameter, std::size_t count) {
  const auto* first = static_cast<const std::byte*>(store_.objects());
  const std::uint64_t size = parameter.type.size_bytes;
  if (const auto known = parts_.find(first); known != parts_.end())
    return known->second.memory.data() + (static_cast<const std::byte*>(host) - first);
  const std::string what = "a matrix";
  Part part{size * count, DeviceBuffer(context_->device, size * count, what)};
  std::vector<std::byte> copies(first, first + size * count);
  Uploader uploader(*context_, arrays_, what);
  for (std::size_t i = 0; i < count; ++i) parameter.visit_addresses(copies.data() + i * size, uploader);
  StridedCopy c;
  c.from = copies.data();
  c.to = part.memory.data();
  c.row_bytes = copies.size();
  context_->device->copy(c, Direction::to_device, context_->compute);
  context_->device->synchronize();
  parts_.emplace(first, std::move(part));
  return object(host, parameter, count);
}

void DeviceStore::copy_all(Direction direction, StreamId stream) {
  for (auto& [host, part] : parts_) {
    StridedCopy c;
    c.row_bytes = part.bytes;
    const bool up = direction == Direction::to_device;
    c.from = up ? host : part.memory.data();
    c.to = up ? part.memory.data() : const_cast<std::byte*>(host);  // the store's own memory
    context_->device->copy(c, direction, stream);
  }
}

void DeviceStore::read(const Piece& cells, std::byte* to) {
  if (valid_on_host) {
    pack(cells, to);
    return;
  }
  const std::uint64_t bytes = packed_bytes(cells);
  if (bytes == 0) return;
  Device& device = *context_->device;
  const DeviceBuffer buffer(context_->device, bytes, "ghosts");
  DeviceBuffer positions;
  if (cells.positions) {
    const std::uint64_t n = cells.positions->size() * sizeof(std::uint32_t);
    positions = DeviceBuffer(context_->device, n, "ghosts");
    StridedCopy up;
    up.from = reinterpret_cast<const std::byte*>(cells.positions->data());
    up.to = positions.data();
    up.row_bytes = n;
    device.copy(up, Direction::to_device, context_->compute);
  }
  pack_on_device(device, context_->compute, translated(cells),
                 reinterpret_cast<const std::uint32_t*>(positions.data()), buffer.data());
  StridedCopy down;
  down.from = buffer.data();
  down.to = to;
  down.row_bytes = bytes;
  device.copy(down, Direction::to_host, context_->compute);
  device.synchronize();
}

void DeviceStore::write(const std::byte* from, const Piece& cells) {
  if (valid_on_host) unpack(from, cells);
  const std::uint64_t bytes = packed_bytes(cells);
  if (!valid_on_device || bytes == 0) return;
  Device& device = *context_->device;
  const DeviceBuffer buffer(context_->device, bytes, "ghosts");
  StridedCopy up;
  up.from = from;
  up.to = buffer.data();
  up.row_bytes = bytes;
  device.copy(up, Direction::to_device, context_->compute);
  unpack_on_device(device, context_->compute, buffer.data(), translated(cells));
  device.synchronize();
}

void DeviceStore::fetch() {
  if (valid_on_host) return;
  download(context_->compute);
  context_->device->synchronize();
  valid_on_host = true;
}

DeviceStore& device_store(const std::shared_ptr<DeviceContext>& context, Store& store) {
  if (!store.image) store.image = std::make_unique<DeviceStore>(context, store);
  return static_cast<DeviceStore&>(*store.image);
}

}  // namespace tutti
