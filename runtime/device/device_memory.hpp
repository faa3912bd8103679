// A pool of memory: which parts of one range are taken.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "runtime/device/device.hpp"

namespace tutti {

/// Offsets into a range of `capacity_bytes`, first fit, aligned to 256 bytes. Not for several threads at
/// once.
class MemoryPool {
 public:
  static constexpr std::uint64_t alignment = 256;
  explicit MemoryPool(std::uint64_t capacity_bytes) : free_{{0, capacity_bytes}} {
    memory_.capacity_bytes = capacity_bytes;
  }
  /// Throws Error(environment) naming `what`, how much was asked for and how much there is.
  std::uint64_t take(std::uint64_t bytes, const std::string& what);
  void give(std::uint64_t offset);
  /// Whether [offset, offset + bytes) lies in one part that is taken.
  bool holds(std::uint64_t offset, std::uint64_t bytes) const;
  const DeviceMemory& memory() const { return memory_; }

 private:
  std::map<std::uint64_t, std::uint64_t> free_;   // offset -> bytes
  std::map<std::uint64_t, std::uint64_t> taken_;  // offset -> bytes
  DeviceMemory memory_;
};

/// Throws Error(environment): a device of `name` has not enough memory left.
[[noreturn]] void out_of_device_memory(const std::string& what, std::uint64_t asked_bytes,
                                       const DeviceMemory& memory);

}  // namespace tutti
