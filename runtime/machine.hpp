// What the process can see of the machine it runs on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tutti {

/// Numbers of the processors that this process may use.
std::vector<int> affinity();
std::string host_name();
/// Memory that can still be taken on this node without swapping, control group limits included, bytes.
std::uint64_t available_memory_bytes();

}  // namespace tutti
