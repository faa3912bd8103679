#include "runtime/insight/provenance.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <omp.h>
#include <sched.h>
#include <sys/utsname.h>
#include <tutti/build_info.hpp>
#include <unistd.h>

#include "runtime/insight/topology.hpp"
#include "runtime/io/field_file.hpp"

namespace tutti {

const BuildInfo& build_info() {
  static const BuildInfo info{TUTTI_BUILD_VERSION, TUTTI_BUILD_COMMIT, TUTTI_BUILD_COMPILER,
                              TUTTI_BUILD_FLAGS,   TUTTI_BUILD_TYPE,   {TUTTI_BUILD_FEATURES},
                              TUTTI_BUILD_KOKKOS};
  return info;
}

bool built_with(std::string_view feature) {
  const auto& features = build_info().features;
  return std::find(features.begin(), features.end(), feature) != features.end();
}

namespace {

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
  const Topology& topology = Topology::of_this_node();
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

/// The command line of this process as a shell takes it (words with other than plain characters in quotes).
std::string command_line() {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  std::string text;
  for (std::string word; std::getline(in, word, '\0');) {
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
      return std::isalnum(c) != 0 || std::strchr("-_./,:=+%@", c) != nullptr;
    });
    for (std::size_t at = 0; !plain && (at = word.find('\'', at)) != std::string::npos; at += 4)
      word.replace(at, 1, "'\\''");
    text += fmt::format("{0}{1}{2}{1}", text.empty() ? "" : " ", plain ? "" : "'", word);
  }
  return text;
}

/// Now, in UTC: "2024-05-01T12:34:56Z".
std::string time_stamp() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

nlohmann::json libraries(const Transport& transport) {
  return {{"transport", transport.description()},
          {"field_files", field_file_library()},
          {"kokkos", build_info().kokkos},
          {"openmp", fmt::format("OpenMP {}", _OPENMP)},  // year and month of the standard
          {"hwloc", fmt::format("hwloc {}", HWLOC_VERSION)}};
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
                                    "SLURM_JOB_NAME",
                                    "SLURM_STEP_ID",
                                    "SLURM_NTASKS_PER_NODE",
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

/// The processors that each worker may run on, by worker.
std::vector<std::vector<int>> worker_processors(std::uint32_t workers) {
  std::vector<std::vector<int>> processors(workers);
#pragma omp parallel num_threads(static_cast <int>(workers))
  {
    cpu_set_t set;
    CPU_ZERO(&set);
    const auto worker = static_cast<std::size_t>(omp_get_thread_num());
    if (sched_getaffinity(0, sizeof set, &set) == 0 && worker < processors.size())
      for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set)) processors[worker].push_back(cpu);
  }
  return processors;
}

/// By rank, {"host": ..., "workers": ["0-3", ...], "cores": ["0-1", ...], "objects": ["Package:0 Core:0-1",
/// ...]}.
nlohmann::json gather_affinity(Transport& transport, std::uint32_t workers) {
  nlohmann::json mine = {{"host", machine().host},
                         {"workers", nlohmann::json::array()},
                         {"cores", nlohmann::json::array()},
                         {"objects", nlohmann::json::array()}};
  for (const std::vector<int>& processors : worker_processors(workers)) {
    mine["workers"].push_back(as_list(processors));
    mine["cores"].push_back(as_list(Topology::of_this_node().cores_of(processors)));
    mine["objects"].push_back(Topology::of_this_node().objects_of(processors));
  }
  const std::string text = mine.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  nlohmann::json ranks = nlohmann::json::array();
  for (const Bytes& bytes : transport.gather_all(Bytes(first, first + text.size()))) {
    const auto* chars = reinterpret_cast<const char*>(bytes.data());
    ranks.push_back(nlohmann::json::parse(chars, chars + bytes.size()));
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
    const Topology& topology = Topology::of_this_node();
    for (const hwloc_obj_type_t type : {HWLOC_OBJ_L4CACHE, HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L2CACHE})
      if (topology.count(type) > 0) return topology.count(type) * topology.cache_bytes(type);
    return std::uint64_t{32} << 20;  // the system does not tell: a usual size
  }();
  return bytes;
}

std::vector<std::string> worker_affinity(std::uint32_t workers) {
  std::vector<std::string> lists;
  for (const std::vector<int>& processors : worker_processors(workers)) lists.push_back(as_list(processors));
  return lists;
}

nlohmann::json provenance(Transport& transport, std::uint32_t workers) {
  const Machine& m = machine();
  const BuildInfo& build = build_info();
  return {{"command", command_line()},
          {"started", time_stamp()},
          {"host", m.host},
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
          {"libraries", libraries(transport)},
          {"environment", telling_environment()},
          {"affinity", gather_affinity(transport, workers)}};
}

std::string affinity_table(Transport& transport, std::uint32_t workers) {
  std::string table;
  std::size_t number = 0;
  for (const nlohmann::json& rank : gather_affinity(transport, workers)) {
    const auto lists = rank["workers"].get<std::vector<std::string>>();
    const auto objects = rank["objects"].get<std::vector<std::string>>();
    for (std::size_t w = 0; w < lists.size(); ++w)
      table +=
          fmt::format("rank {} on {}: worker {} may run on {}{}\n", number, rank["host"].get<std::string>(),
                      w, lists[w], objects[w].empty() ? "" : fmt::format(" ({})", objects[w]));
    ++number;
  }
  return table;
}

}  // namespace tutti
