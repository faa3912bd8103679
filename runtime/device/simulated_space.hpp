// The memory of the simulated device, and work on it that checks every address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/device/device.hpp"
#include "runtime/device/device_memory.hpp"
#include "runtime/device/split_memory.hpp"

namespace tutti {

/// What the device's addresses mean. allocate(), free() and memory(): by any thread; the rest by the
/// device's, and throws Error(environment) for addresses that are not what the work needs.
class SimulatedSpace {
 public:
  SimulatedSpace(std::uint64_t capacity_bytes, HostView view);

  /// Holds NaNs, and numbers that no index has. Throws Error(environment) naming `what`.
  std::byte* allocate(std::uint64_t bytes, const std::string& what);
  void free(std::byte* memory) noexcept;
  DeviceMemory memory() const;

  void copy(const StridedCopy& c, Direction direction) const;
  void gather(const std::byte* from, const std::uint32_t* positions, std::uint64_t count,
              std::uint32_t element_bytes, std::byte* to) const;
  /// The host's body of the kernel on views of this memory. An error of the kernel names operation and step.
  void run(const DeviceLaunch& launch) const;

  /// Where `bytes` from a device address on are.
  template <class T>
  T* inside(T* address, std::uint64_t bytes) const {
    return reinterpret_cast<T*>(memory_.there(checked_offset(address, bytes)));
  }

 private:
  class Translator;
  /// Lists and objects of one part of a launch, as the device's thread sees them.
  using Buffers = std::vector<std::unique_ptr<std::byte[]>>;

  std::uint64_t checked_offset(const void* address, std::uint64_t bytes) const;
  template <class T>
  T* outside(T* address) const;
  void run_parts(const DeviceLaunch& launch) const;
  Argument translated(const Parameter& p, Argument a, Buffers& buffers) const;
  void* input_list(const Argument& a, Buffers& buffers) const;
  const ColumnPart* part_list(const Argument& a, Buffers& buffers) const;
  void* object(const Parameter& p, const Argument& a, Buffers& buffers) const;

  mutable std::mutex mutex_;  // of the pool
  MemoryPool pool_;
  SplitMemory memory_;
};

}  // namespace tutti
