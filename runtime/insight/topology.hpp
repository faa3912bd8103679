// The processors, caches and memory of this node as hwloc sees them. Internal to insight.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <hwloc.h>

namespace tutti {

/// "0-3,8" for increasing numbers.
std::string as_list(const std::vector<int>& numbers);

/// The whole node: also what this process may not use. Answers 0 or nothing where the system does not tell.
class Topology {
 public:
  /// Looked up once per process. Safe to use from any thread.
  static const Topology& of_this_node();
  Topology(const Topology&) = delete;
  Topology& operator=(const Topology&) = delete;
  ~Topology();

  std::uint32_t count(hwloc_obj_type_t type) const;
  /// Of the first cache of that type.
  std::uint64_t cache_bytes(hwloc_obj_type_t type) const;
  std::uint64_t memory_bytes() const;
  /// Where a set of processors (numbers of the operating system) lies, by hwloc's types and logical numbers:
  /// "Package:0 NUMANode:0 L3:1 Core:8-9".
  std::string objects_of(const std::vector<int>& processors) const;
  /// hwloc's logical numbers of the cores that these processors belong to, in increasing order.
  std::vector<int> cores_of(const std::vector<int>& processors) const;

 private:
  Topology();
  std::vector<int> touched(hwloc_obj_type_t type, const std::vector<int>& processors) const;
  hwloc_topology_t topology_{};
  bool loaded_ = false;
};

}  // namespace tutti
