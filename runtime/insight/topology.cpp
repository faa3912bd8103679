#include "runtime/insight/topology.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace tutti {

std::string as_list(const std::vector<int>& numbers) {
  std::string text;
  for (std::size_t first = 0; first < numbers.size();) {
    std::size_t last = first;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", numbers[first]);
    if (last > first) text += fmt::format("-{}", numbers[last]);
    first = last + 1;
  }
  return text;
}

const Topology& Topology::of_this_node() {
  static const Topology topology;
  return topology;
}

Topology::Topology() {
  loaded_ = hwloc_topology_init(&topology_) == 0;
  if (loaded_ && hwloc_topology_load(topology_) != 0) {
    hwloc_topology_destroy(topology_);
    loaded_ = false;
  }
}

Topology::~Topology() {
  if (loaded_) hwloc_topology_destroy(topology_);
}

std::uint32_t Topology::count(hwloc_obj_type_t type) const {
  return loaded_ ? static_cast<std::uint32_t>(std::max(0, hwloc_get_nbobjs_by_type(topology_, type))) : 0;
}

std::uint64_t Topology::cache_bytes(hwloc_obj_type_t type) const {
  const hwloc_obj_t cache = count(type) > 0 ? hwloc_get_obj_by_type(topology_, type, 0) : nullptr;
  return cache != nullptr ? cache->attr->cache.size : 0;
}

std::uint64_t Topology::memory_bytes() const {
  return loaded_ ? hwloc_get_root_obj(topology_)->total_memory : 0;
}

std::vector<int> Topology::touched(hwloc_obj_type_t type, const std::vector<int>& processors) const {
  hwloc_bitmap_t set = hwloc_bitmap_alloc();
  for (const int processor : processors) hwloc_bitmap_set(set, static_cast<unsigned>(processor));
  std::vector<int> found;
  for (std::uint32_t i = 0; i < count(type); ++i)
    if (hwloc_bitmap_intersects(hwloc_get_obj_by_type(topology_, type, i)->cpuset, set) != 0)
      found.push_back(static_cast<int>(i));
  hwloc_bitmap_free(set);
  return found;
}

std::vector<int> Topology::cores_of(const std::vector<int>& processors) const {
  return touched(HWLOC_OBJ_CORE, processors);
}

std::string Topology::objects_of(const std::vector<int>& processors) const {
  std::string text;
  for (const auto& [type, name] :
       {std::pair{HWLOC_OBJ_PACKAGE, "Package"}, std::pair{HWLOC_OBJ_NUMANODE, "NUMANode"},
        std::pair{HWLOC_OBJ_L3CACHE, "L3"}, std::pair{HWLOC_OBJ_CORE, "Core"}}) {
    const std::vector<int> numbers = touched(type, processors);
    if (!numbers.empty()) text += fmt::format("{}{}:{}", text.empty() ? "" : " ", name, as_list(numbers));
  }
  return text;
}

}  // namespace tutti
