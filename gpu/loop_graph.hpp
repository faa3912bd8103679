// Graphs that repeat themselves: CUDA's conditional nodes, where the toolkit has them (12.4 and newer).
#pragma once

#include <cstdint>
#include <vector>

#include <cuda_runtime_api.h>

namespace tutti::gpu {

/// Whether toolkit and driver know conditional nodes.
bool has_loop_graphs();
/// As Device::make_loop; the caller destroys it. Loads its kernels: outside of captures.
cudaGraph_t make_loop_graph(const std::vector<cudaGraph_t>& pieces, const std::int64_t* next);

}  // namespace tutti::gpu
