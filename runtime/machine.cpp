#include "runtime/machine.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <thread>

#include <omp.h>
#include <sched.h>
#include <unistd.h>

namespace tutti {

namespace {

std::vector<int> processors_of_this_thread() {
  std::vector<int> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int c = 0; c < CPU_SETSIZE; ++c)
      if (CPU_ISSET(c, &set)) cpus.push_back(c);
  } else {  // more processors than a cpu_set_t holds
    const int n = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    for (int c = 0; c < n; ++c) cpus.push_back(c);
  }
  return cpus;
}

}  // namespace

// Where OpenMP binds threads, the initial thread has lost most of the process's processors before main()
// begins; OpenMP's places still have them all.
std::vector<int> affinity() {
  if (omp_get_proc_bind() == omp_proc_bind_false || omp_get_num_places() == 0)
    return processors_of_this_thread();
  std::vector<int> cpus;
  for (int place = 0; place < omp_get_num_places(); ++place) {
    std::vector<int> ids(static_cast<std::size_t>(omp_get_place_num_procs(place)));
    omp_get_place_proc_ids(place, ids.data());
    cpus.insert(cpus.end(), ids.begin(), ids.end());
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::uint64_t available_memory_bytes() {
  std::uint64_t bytes = std::numeric_limits<std::uint64_t>::max();
  std::ifstream meminfo("/proc/meminfo");
  std::string key;
  std::uint64_t kib = 0;
  for (std::string unit; meminfo >> key >> kib; std::getline(meminfo, unit))
    if (key == "MemAvailable:") bytes = kib * 1024;
  std::uint64_t limit = 0;
  std::uint64_t used = 0;
  if (std::ifstream("/sys/fs/cgroup/memory.max") >> limit &&
      std::ifstream("/sys/fs/cgroup/memory.current") >> used)
    bytes = std::min(bytes, limit > used ? limit - used : 0);
  return bytes;
}

}  // namespace tutti
