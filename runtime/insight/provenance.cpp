#include "runtime/insight/provenance.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>

#include <fmt/format.h>
#include <hwloc.h>
#include <nlohmann/json.hpp>
#include <omp.h>
#include <sched.h>
#include <sys/utsname.h>
#include <tutti/build_info.hpp>
#include <unistd.h>

#include "runtime/io/field_file.hpp"

namespace tutti {

const BuildInfo& build_info() {
  static const BuildInfo info{TUTTI_BUILD_VERSION, TUTTI_BUILD_COMMIT, TUTTI_BUILD_COMPILER,
                              TUTTI_BUILD_FLAGS,   TUTTI_BUILD_TYPE,   {TUTTI_BUILD_FEATURES}};
  return info;
}

bool built_with(std::string_view feature) {
  const auto& features = build_info().features;
  return std::find(features.begin(), features.end(), feature) != features.end();
}

namespace {

/// The hwloc topology of this node, whole: also what this process may not use.
class Topology {
 public:
  Topology() {
    loaded_ = hwloc_topology_init(&topology_) == 0;
    if (loaded_ && hwloc_topology_load(topology_) != 0) {
      hwloc_topology_destroy(topology_);
      loaded_ = false;
    }
  }
  ~Topology() {
    if (loaded_) hwloc_topology_destroy(topology_);
  }
  Topology(const Topology&) = delete;
  Topology& operator=(const Topology&) = delete;

  std::uint32_t count(hwloc_obj_type_t type) const {
    return loaded_ ? static_cast<std::uint32_t>(std::max(0, hwloc_get_nbobjs_by_type(topology_, type))) : 0;
  }
  std::uint64_t cache_bytes(hwloc_obj_type_t type) const {
    const hwloc_obj_t cache = count(type) > 0 ? hwloc_get_obj_by_type(topology_, type, 0) : nullptr;
    return cache != nullptr ? cache->attr->cache.size : 0;
  }
  std::uint64_t memory_bytes() const { return loaded_ ? hwloc_get_root_obj(topology_)->total_memory : 0; }

 private:
  hwloc_topology_t topology_{};
  bool loaded_ = false;
};

/// The first "model name" of /proc/cpuinfo (some architectures have none).
std::string cpu_model() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("model name")) continue;
    const auto colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

Machine look_at_machine() {
  Machine m;
  utsname names{};
  if (uname(&names) == 0) {
    m.host = names.nodename;
    m.system = fmt::format("{} {} {}", names.sysname, names.release, names.machine);
  }
  m.cpu_model = cpu_model();
  const Topology topology;
  m.packages = topology.count(HWLOC_OBJ_PACKAGE);
  m.numa_nodes = topology.count(HWLOC_OBJ_NUMANODE);
  m.cores = topology.count(HWLOC_OBJ_CORE);
  m.hardware_threads = topology.count(HWLOC_OBJ_PU);
  m.memory_bytes = topology.memory_bytes();
  m.l1d_bytes = topology.cache_bytes(HWLOC_OBJ_L1CACHE);
  m.l2_bytes = topology.cache_bytes(HWLOC_OBJ_L2CACHE);
  m.l3_bytes = topology.cache_bytes(HWLOC_OBJ_L3CACHE);
  return m;
}

/// "0-3,8" for a set of processors.
std::string as_list(const cpu_set_t& set) {
  std::string text;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &set)) continue;
    int last = cpu;
    while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &set)) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", cpu);
    if (last > cpu) text += fmt::format("-{}", last);
    cpu = last;
  }
  return text;
}

/// Only variables that change how a program runs, never the whole environment.
bool is_telling(std::string_view name) {
  static constexpr std::array prefixes{"OMP_", "GOMP_", "KMP_", "TUTTI_", "KOKKOS_", "MPICH_"};
  // mpirun sets dozens of OMPI_MCA_ variables for its own use; these are the users'
  static constexpr std::array names{"OMPI_MCA_pml",
                                    "OMPI_MCA_btl",
                                    "OMPI_MCA_mpi_yield_when_idle",
                                    "OMPI_MCA_hwloc_base_binding_policy",
                                    "CUDA_VISIBLE_DEVICES",
                                    "HDF5_USE_FILE_LOCKING",
                                    "SLURM_JOB_ID",
                                    "SLURM_JOB_NUM_NODES",
                                    "SLURM_NTASKS",
                                    "SLURM_CPUS_PER_TASK",
                                    "SLURM_JOB_PARTITION",
                                    "SLURM_JOB_NODELIST",
                                    "SLURM_CPU_BIND",
                                    "SLURM_DISTRIBUTION",
                                    "SLURM_CLUSTER_NAME",
                                    "SLURM_MPI_TYPE"};
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const char* p) { return name.starts_with(p); }) ||
         std::any_of(names.begin(), names.end(), [&](const char* n) { return name == n; });
}

nlohmann::json telling_environment() {
  nlohmann::json found = nlohmann::json::object();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || !is_telling(text.substr(0, equals))) continue;
    found[std::string(text.substr(0, equals))] = std::string(text.substr(equals + 1));
  }
  return found;
}

struct RankAffinity {
  std::string host;
  std::vector<std::string> workers;
};

std::vector<RankAffinity> gather_affinity(Transport& transport, std::uint32_t workers) {
  nlohmann::json mine = {machine().host, worker_affinity(workers)};
  const std::string text = mine.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  std::vector<RankAffinity> ranks;
  for (const Bytes& bytes : transport.gather_all(Bytes(first, first + text.size()))) {
    const auto* chars = reinterpret_cast<const char*>(bytes.data());
    const auto entry = nlohmann::json::parse(chars, chars + bytes.size());
    ranks.push_back({entry[0].get<std::string>(), entry[1].get<std::vector<std::string>>()});
  }
  return ranks;
}

}  // namespace

const Machine& machine() {
  static const Machine m = look_at_machine();
  return m;
}

std::uint64_t last_level_cache_bytes() {
  static const std::uint64_t bytes = [] {
    const Topology topology;
    for (const hwloc_obj_type_t type : {HWLOC_OBJ_L4CACHE, HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L2CACHE})
      if (topology.count(type) > 0) return topology.count(type) * topology.cache_bytes(type);
    return std::uint64_t{32} << 20;  // the system does not tell: a usual size
  }();
  return bytes;
}

std::vector<std::string> worker_affinity(std::uint32_t workers) {
  std::vector<std::string> lists(workers);
#pragma omp parallel num_threads(static_cast <int>(workers))
  {
    cpu_set_t set;
    CPU_ZERO(&set);
    const auto worker = static_cast<std::size_t>(omp_get_thread_num());
    if (sched_getaffinity(0, sizeof set, &set) == 0 && worker < lists.size()) lists[worker] = as_list(set);
  }
  return lists;
}

nlohmann::json provenance(Transport& transport, std::uint32_t workers) {
  const Machine& m = machine();
  const BuildInfo& build = build_info();
  nlohmann::json affinity = nlohmann::json::array();
  for (const RankAffinity& rank : gather_affinity(transport, workers))
    affinity.push_back({{"host", rank.host}, {"workers", rank.workers}});
  return {{"host", m.host},
          {"cpu_model", m.cpu_model},
          {"system", m.system},
          {"packages", m.packages},
          {"numa_nodes", m.numa_nodes},
          {"cores", m.cores},
          {"hardware_threads", m.hardware_threads},
          {"memory_bytes", m.memory_bytes},
          {"l1d_bytes", m.l1d_bytes},
          {"l2_bytes", m.l2_bytes},
          {"l3_bytes", m.l3_bytes},
          {"last_level_cache_bytes", last_level_cache_bytes()},
          {"build",
           {{"compiler", build.compiler},
            {"flags", build.flags},
            {"type", build.build_type},
            {"features", build.features}}},
          {"libraries", {{"transport", transport.description()}, {"field_files", field_file_library()}}},
          {"environment", telling_environment()},
          {"affinity", affinity}};
}

std::string affinity_table(Transport& transport, std::uint32_t workers) {
  std::string table;
  std::size_t number = 0;
  for (const RankAffinity& rank : gather_affinity(transport, workers)) {
    for (std::size_t w = 0; w < rank.workers.size(); ++w)
      table += fmt::format("rank {} on {}: worker {} may run on {}\n", number, rank.host, w, rank.workers[w]);
    ++number;
  }
  return table;
}

}  // namespace tutti
