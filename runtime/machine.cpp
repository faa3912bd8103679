#include "runtime/machine.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <thread>

#include <sched.h>
#include <unistd.h>

namespace tutti {

std::vector<int> affinity() {
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
