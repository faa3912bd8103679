#include "runtime/device/device_memory.hpp"

#include <algorithm>

#include "runtime/error.hpp"
#include "runtime/text.hpp"

namespace tutti {

void out_of_device_memory(const std::string& what, std::uint64_t asked_bytes, const DeviceMemory& memory) {
  environment_error(
      "{} needs {} on the device, but only {} of {} are left for this rank; use more devices or a smaller "
      "problem",
      what, readable_bytes(asked_bytes), readable_bytes(memory.capacity_bytes - memory.used_bytes),
      readable_bytes(memory.capacity_bytes));
}

std::uint64_t MemoryPool::take(std::uint64_t bytes, const std::string& what) {
  const std::uint64_t size = (std::max<std::uint64_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  const auto hole = std::find_if(free_.begin(), free_.end(), [&](const auto& h) { return h.second >= size; });
  if (hole == free_.end()) out_of_device_memory(what, bytes, memory_);
  const auto [offset, space] = *hole;
  free_.erase(hole);
  if (space > size) free_.emplace(offset + size, space - size);
  taken_.emplace(offset, size);
  memory_.used_bytes += size;
  memory_.high_water_bytes = std::max(memory_.high_water_bytes, memory_.used_bytes);
  return offset;
}

void MemoryPool::give(std::uint64_t offset) {
  const auto taken = taken_.find(offset);
  if (taken == taken_.end()) return;
  memory_.used_bytes -= taken->second;
  auto hole = free_.emplace(offset, taken->second).first;
  taken_.erase(taken);
  if (const auto next = std::next(hole); next != free_.end() && hole->first + hole->second == next->first) {
    hole->second += next->second;
    free_.erase(next);
  }
  if (hole == free_.begin()) return;
  if (const auto before = std::prev(hole); before->first + before->second == hole->first) {
    before->second += hole->second;
    free_.erase(hole);
  }
}

bool MemoryPool::holds(std::uint64_t offset, std::uint64_t bytes) const {
  auto part = taken_.upper_bound(offset);
  if (part == taken_.begin()) return false;
  --part;
  return offset + bytes <= part->first + part->second;
}

}  // namespace tutti
