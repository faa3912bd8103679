#include "runtime/device/simulated_space.hpp"

#include <cstring>

#include "runtime/error.hpp"

namespace tutti {

SimulatedSpace::SimulatedSpace(std::uint64_t capacity_bytes, HostView view)
    : pool_(capacity_bytes), memory_(capacity_bytes, view) {}

std::byte* SimulatedSpace::allocate(std::uint64_t bytes, const std::string& what) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t offset = pool_.take(bytes, what);
  std::memset(memory_.there(offset), 0xff, bytes);
  return memory_.here(offset);
}

void SimulatedSpace::free(std::byte* memory) noexcept {
  if (memory == nullptr) return;
  const std::lock_guard lock(mutex_);
  pool_.give(memory_.offset(memory));
}

DeviceMemory SimulatedSpace::memory() const {
  const std::lock_guard lock(mutex_);
  return pool_.memory();
}

std::uint64_t SimulatedSpace::checked_offset(const void* address, std::uint64_t bytes) const {
  if (!memory_.contains(address)) environment_error("the simulated device was given an address of the host");
  const std::uint64_t offset = memory_.offset(address);
  const std::lock_guard lock(mutex_);
  if (!pool_.holds(offset, bytes))
    environment_error("the simulated device was given an address outside of what was allocated");
  return offset;
}

template <class T>
T* SimulatedSpace::outside(T* address) const {
  if (memory_.contains(address))
    environment_error("a copy was given an address of the simulated device for one of the host");
  return address;
}

void SimulatedSpace::copy(const StridedCopy& c, Direction direction) const {
  if (c.bytes() == 0) return;
  const auto extent = [&](std::uint64_t plane, std::uint64_t row) {
    return (c.planes - 1) * plane + (c.rows - 1) * row + c.row_bytes;
  };
  const std::byte* from =
      direction == Direction::to_device ? outside(c.from) : inside(c.from, extent(c.from_plane, c.from_row));
  std::byte* to =
      direction == Direction::to_host ? outside(c.to) : inside(c.to, extent(c.to_plane, c.to_row));
  for (std::uint64_t i = 0; i < c.planes; ++i)
    for (std::uint64_t j = 0; j < c.rows; ++j)
      std::memcpy(to + i * c.to_plane + j * c.to_row, from + i * c.from_plane + j * c.from_row, c.row_bytes);
}

void SimulatedSpace::gather(const std::byte* from, const std::uint32_t* positions, std::uint64_t count,
                            std::uint32_t element_bytes, std::byte* to) const {
  const auto* p = inside(positions, count * sizeof *positions);
  std::byte* target = inside(to, count * element_bytes);
  for (std::uint64_t i = 0; i < count; ++i)
    std::memcpy(target + i * element_bytes, inside(from + std::uint64_t{p[i]} * element_bytes, element_bytes),
                element_bytes);
}

// -- kernels: the host's bodies on translated arguments

class SimulatedSpace::Translator : public AddressVisitor {
 public:
  explicit Translator(const SimulatedSpace& space) : space_(space) {}
  void visit(const void*& address, const std::function<std::uint64_t()>&) override {
    address = space_.inside(static_cast<const std::byte*>(address), 1);
  }

 private:
  const SimulatedSpace& space_;
};

void SimulatedSpace::run_parts(const DeviceLaunch& l) const {
  std::vector<Argument> arguments(l.kernel.parameters.size());
  for (const LaunchPart& part : l.parts) {
    Buffers buffers;
    for (std::size_t a = 0; a < arguments.size(); ++a)
      arguments[a] = translated(l.kernel.parameters[a], l.arguments[part.first + a], buffers);
    Task task = part.task;
    task.step = *inside(l.step, sizeof *l.step);
    void* result = part.result ? inside(static_cast<std::byte*>(part.result), 8) : nullptr;
    l.kernel.tile(l.kernel.functor.get(), task, arguments.data(), result);
  }
}

void SimulatedSpace::run(const DeviceLaunch& l) const {
  const auto place = [&] {
    return fmt::format("operation '{}' on the device at step {}", l.kernel.name,
                       *inside(l.step, sizeof *l.step));
  };
  try {
    run_parts(l);
  } catch (const Error& e) {
    throw Error(e.status(), fmt::format("{}: {}", place(), e.what()));
  } catch (const std::exception& e) {
    throw Error(Status::environment, fmt::format("{}: {}", place(), e.what()));
  } catch (...) {
    throw Error(Status::environment, place() + ": unknown exception");
  }
}

Argument SimulatedSpace::translated(const Parameter& p, Argument a, Buffers& buffers) const {
  if (p.shape == Shape::tiles) {
    a.data = input_list(a, buffers);
    return a;
  }
  if (p.object) {
    a.data = object(p, a, buffers);
    return a;
  }
  if (a.data) a.data = inside(static_cast<std::byte*>(a.data), p.type.size_bytes);
  if (p.shape == Shape::columns) a.parts = part_list(a, buffers);
  return a;
}

void* SimulatedSpace::input_list(const Argument& a, Buffers& buffers) const {
  const std::size_t bytes = a.input_count * input_bytes;
  auto& list = buffers.emplace_back(std::make_unique<std::byte[]>(bytes + 1));
  if (bytes > 0) std::memcpy(list.get(), inside(static_cast<std::byte*>(a.data), bytes), bytes);
  for (std::uint32_t i = 0; i < a.input_count; ++i) {
    std::byte* data = nullptr;  // the first member of a View
    std::memcpy(&data, list.get() + i * input_bytes, sizeof data);
    data = inside(data, 1);
    std::memcpy(list.get() + i * input_bytes, &data, sizeof data);
  }
  return list.get();
}

const ColumnPart* SimulatedSpace::part_list(const Argument& a, Buffers& buffers) const {
  const std::size_t bytes = a.input_count * sizeof(ColumnPart);
  auto& list = buffers.emplace_back(std::make_unique<std::byte[]>(bytes + 1));
  if (bytes > 0) std::memcpy(list.get(), inside(a.parts, bytes), bytes);
  auto* parts = reinterpret_cast<ColumnPart*>(list.get());
  for (std::uint32_t i = 0; i < a.input_count; ++i) {
    parts[i].values = inside(static_cast<const std::byte*>(parts[i].values), 1);
    parts[i].positions = inside(parts[i].positions, parts[i].count * sizeof(std::uint32_t));
  }
  return parts;
}

void* SimulatedSpace::object(const Parameter& p, const Argument& a, Buffers& buffers) const {
  auto& copy = buffers.emplace_back(std::make_unique<std::byte[]>(p.type.size_bytes));
  std::memcpy(copy.get(), inside(static_cast<std::byte*>(a.data), p.type.size_bytes), p.type.size_bytes);
  Translator translator(*this);
  p.visit_addresses(copy.get(), translator);
  return copy.get();
}

}  // namespace tutti
