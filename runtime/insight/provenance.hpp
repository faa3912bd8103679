// Provenance: what a result was computed with and on, so that a number can be judged later.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "runtime/comm/transport.hpp"

namespace tutti {

/// What was built, and how. Fixed when the library is compiled.
struct BuildInfo {
  std::string version;
  std::string git_commit;  ///< "unknown" outside a git repository; ends in "-dirty" if files were changed
  std::string compiler;    ///< name and version
  std::string flags;
  std::string build_type;
  std::vector<std::string> features;  ///< of: mpi hdf5 kokkos cuda
  std::string kokkos;                 ///< "Kokkos 3.4.01, SERIAL" (version and backends), or "none"
};
const BuildInfo& build_info();
/// Whether this build has a feature: "mpi", "hdf5", "kokkos" or "cuda".
bool built_with(std::string_view feature);

/// The node that the calling process runs on. Sizes are 0 where the system does not tell.
struct Machine {
  std::string host;
  std::string cpu_model;
  std::string system;          ///< operating system and its version
  std::uint32_t packages = 0;  ///< processors (sockets)
  std::uint32_t numa_nodes = 0;
  std::uint32_t cores = 0;
  std::uint32_t hardware_threads = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t l1d_bytes = 0;  ///< of one core
  std::uint64_t l2_bytes = 0;   ///< of one cache
  std::uint64_t l3_bytes = 0;   ///< of one cache
};
/// Looked up once per process; safe to call from any thread.
const Machine& machine();

/// All last-level caches of this node together; 32 MiB where the system does not tell. Arrays much larger
/// than this come from memory.
std::uint64_t last_level_cache_bytes();

/// The processors that each worker of a team of this size may run on, by worker, as lists like "0-3,8". Opens
/// an OpenMP region: not inside one.
std::vector<std::string> worker_affinity(std::uint32_t workers);

/// Command line, start (UTC), machine, build, libraries, chosen environment variables (those of Slurm among
/// them) and the affinity of every rank's workers, as processors, cores and hwloc objects, as one object.
/// Collective; the same on every rank but for what only rank 0 says of its machine.
nlohmann::json provenance(Transport& transport, std::uint32_t workers);

/// One line per worker of every rank: "rank 0 on node7: worker 0 may run on 0-3 (Package:0 NUMANode:0
/// L3:0 Core:0-3)". Collective.
std::string affinity_table(Transport& transport, std::uint32_t workers);

}  // namespace tutti
