#include "gpu/check/mirror.hpp"

#include <cstring>

#include "runtime/exception.hpp"

namespace tutti::gpu_check {

Mirror::~Mirror() {
  for (const auto& [host, range] : ranges_) device_.free(range.there);
}

void Mirror::add(const std::byte* host, std::uint64_t bytes) {
  if (bytes == 0 || ranges_.contains(host)) return;
  std::byte* there = device_.allocate(bytes, "an array of a check");
  ranges_.emplace(host, Range{bytes, there});
  device_.copy({host, there, bytes}, Direction::to_device, stream_);
  device_.synchronize();
}

std::byte* Mirror::on_device(const void* host) const {
  const auto* at = static_cast<const std::byte*>(host);
  auto range = ranges_.upper_bound(at);
  if (range != ranges_.begin()) --range;
  if (range == ranges_.end() || at < range->first || at >= range->first + range->second.bytes)
    throw Error(Status::environment, "a check's array is not on the device");
  return range->second.there + (at - range->first);
}

Argument Mirror::on_device(const Parameter& parameter, const Argument& argument) {
  Argument a = argument;
  if (parameter.object) {
    struct Upload : AddressVisitor {
      Mirror& mirror;
      explicit Upload(Mirror& m) : mirror(m) {}
      void visit(const void*& address, const std::function<std::uint64_t()>& bytes) override {
        const std::uint64_t size = bytes();
        if (size == 0) return;
        mirror.add(static_cast<const std::byte*>(address), size);
        address = mirror.on_device(address);
      }
    } upload(*this);
    const auto* object = static_cast<const std::byte*>(argument.data);
    kept_.emplace_back(object, object + parameter.type.size_bytes);
    parameter.visit_addresses(kept_.back().data(), upload);
    add(kept_.back().data(), kept_.back().size());
    a.data = on_device(kept_.back().data());
    return a;
  }
  if (parameter.shape == Shape::tiles) {
    const auto* list = static_cast<const std::byte*>(argument.data);
    std::vector<std::byte>& copy =
        kept_.emplace_back(list, list + std::size_t{argument.input_count} * input_bytes);
    for (std::size_t at = 0; at < copy.size(); at += input_bytes) {
      const void* values = nullptr;  // the first member of a View
      std::memcpy(&values, copy.data() + at, sizeof values);
      values = on_device(values);
      std::memcpy(copy.data() + at, &values, sizeof values);
    }
    add(copy.data(), copy.size());
    a.data = on_device(copy.data());
    return a;
  }
  if (argument.data != nullptr) a.data = on_device(argument.data);
  if (parameter.shape == Shape::columns && argument.input_count > 0) {
    std::vector<ColumnPart> parts(argument.parts, argument.parts + argument.input_count);
    for (ColumnPart& p : parts) {
      p.values = on_device(p.values);
      add(reinterpret_cast<const std::byte*>(p.positions), p.count * sizeof *p.positions);
      p.positions = reinterpret_cast<const std::uint32_t*>(on_device(p.positions));
    }
    kept_.emplace_back(parts.size() * sizeof(ColumnPart));
    std::memcpy(kept_.back().data(), parts.data(), kept_.back().size());
    add(kept_.back().data(), kept_.back().size());
    a.parts = reinterpret_cast<const ColumnPart*>(on_device(kept_.back().data()));
  }
  return a;
}

DeviceLaunch Mirror::launch(const Kernel& kernel, const std::vector<std::vector<Argument>>& parts,
                            const std::vector<std::uint64_t>& results) {
  DeviceLaunch launch;
  launch.kernel = kernel;
  add(step_);
  launch.step = reinterpret_cast<const std::int64_t*>(on_device(step_.data()));
  for (std::size_t p = 0; p < parts.size(); ++p) {
    LaunchPart part;
    part.task.tile = TileId{p};
    part.task.box = parts[p].back().box;
    part.first = launch.arguments.size();
    part.result = on_device(&results[p]);
    launch.parts.push_back(part);
    for (std::size_t i = 0; i < parts[p].size(); ++i)
      launch.arguments.push_back(on_device(kernel.parameters[i], parts[p][i]));
  }
  return launch;
}

void Mirror::fetch(const std::byte* host, std::uint64_t bytes, std::byte* to) const {
  if (bytes == 0) return;
  device_.synchronize();
  device_.copy({on_device(host), to, bytes}, Direction::to_host, stream_);
  device_.synchronize();
}

}  // namespace tutti::gpu_check
