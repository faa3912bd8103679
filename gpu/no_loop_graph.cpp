// The twin of loop_graph.cu for toolkits without conditional nodes.
#include "gpu/cuda_check.hpp"
#include "gpu/loop_graph.hpp"

namespace tutti::gpu {

bool has_loop_graphs() { return false; }

cudaGraph_t make_loop_graph(const std::vector<cudaGraph_t>&, const std::int64_t*) {
  throw Error(Status::environment,
              "CUDA: this toolkit has no conditional graph nodes; 12.4 and newer have them");
}

}  // namespace tutti::gpu
