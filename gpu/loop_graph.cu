// A loop is a WHILE node. Its body is the piece itself where there is one, else an IF node for each piece:
//
//   go on? -> while( piece -> go on? )
//   go on? -> while( choose -> if(piece 0), if(piece 1), ... -> go on? )
//
// Every handle is set by a kernel of the graph that its node is in, or of the node's body.
#include "gpu/cuda_check.hpp"
#include "gpu/load_kernel.cuh"
#include "gpu/loop_graph.hpp"

namespace tutti::gpu {
namespace {

__global__ void go_on(const cudaGraphConditionalHandle loop, const std::int64_t* next,
                      const std::int64_t pieces) {
  cudaGraphSetConditional(loop, *next >= 0 && *next < pieces ? 1 : 0);
}

__global__ void choose(const cudaGraphConditionalHandle piece, const std::int64_t* next,
                       const std::int64_t number) {
  cudaGraphSetConditional(piece, *next == number ? 1 : 0);
}

using Nodes = std::vector<cudaGraphNode_t>;

// CUDA 13 asks for data of the edges, too.
using AddNode12 = cudaError_t (*)(cudaGraphNode_t*, cudaGraph_t, const cudaGraphNode_t*, std::size_t,
                                  cudaGraphNodeParams*);
using AddNode13 = cudaError_t (*)(cudaGraphNode_t*, cudaGraph_t, const cudaGraphNode_t*,
                                  const cudaGraphEdgeData*, std::size_t, cudaGraphNodeParams*);
[[maybe_unused]] cudaError_t call(AddNode12 add, cudaGraphNode_t* node, cudaGraph_t graph, const Nodes& after,
                                  cudaGraphNodeParams* parameters) {
  return add(node, graph, after.data(), after.size(), parameters);
}
[[maybe_unused]] cudaError_t call(AddNode13 add, cudaGraphNode_t* node, cudaGraph_t graph, const Nodes& after,
                                  cudaGraphNodeParams* parameters) {
  return add(node, graph, after.data(), nullptr, after.size(), parameters);
}

/// A conditional node; returns its body.
cudaGraph_t add_conditional(cudaGraph_t graph, cudaGraphConditionalNodeType type,
                            cudaGraphConditionalHandle handle, const Nodes& after, cudaGraphNode_t& node) {
  cudaGraphNodeParams p = {};
  p.type = cudaGraphNodeTypeConditional;
  p.conditional.handle = handle;
  p.conditional.type = type;
  p.conditional.size = 1;
  check(call(&cudaGraphAddNode, &node, graph, after, &p), "adding a conditional node");
  return p.conditional.phGraph_out[0];
}

cudaGraphConditionalHandle make_handle(cudaGraph_t graph) {
  cudaGraphConditionalHandle handle = 0;
  check(cudaGraphConditionalHandleCreate(&handle, graph, 0, cudaGraphCondAssignDefault),
        "making a handle of a conditional node");
  return handle;
}

cudaGraphNode_t add_kernel(cudaGraph_t graph, const Nodes& after, void* kernel,
                           cudaGraphConditionalHandle handle, const std::int64_t* next, std::int64_t number) {
  void* arguments[] = {&handle, &next, &number};
  cudaKernelNodeParams p = {};
  p.func = kernel;
  p.gridDim = p.blockDim = dim3(1);
  p.kernelParams = arguments;
  cudaGraphNode_t node = nullptr;
  check(cudaGraphAddKernelNode(&node, graph, after.data(), after.size(), &p), "adding a kernel to a loop");
  return node;
}

cudaGraphNode_t add_piece(cudaGraph_t graph, cudaGraph_t piece) {
  cudaGraphNode_t node = nullptr;
  check(cudaGraphAddChildGraphNode(&node, graph, nullptr, 0, piece), "adding a piece to a loop");
  return node;
}

void fill_body(cudaGraph_t body, const std::vector<cudaGraph_t>& pieces, const std::int64_t* next,
               cudaGraphConditionalHandle loop) {
  Nodes done;
  if (pieces.size() == 1) {
    done.push_back(add_piece(body, pieces[0]));
  } else {
    std::vector<cudaGraphConditionalHandle> handles;
    Nodes chosen;  // one after the other: handles may not be set at the same time
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      handles.push_back(make_handle(body));
      chosen = {add_kernel(body, chosen, reinterpret_cast<void*>(&choose), handles[i], next,
                           static_cast<std::int64_t>(i))};
    }
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      cudaGraphNode_t node = nullptr;
      add_piece(add_conditional(body, cudaGraphCondTypeIf, handles[i], chosen, node), pieces[i]);
      done.push_back(node);
    }
  }
  add_kernel(body, done, reinterpret_cast<void*>(&go_on), loop, next,
             static_cast<std::int64_t>(pieces.size()));
}

}  // namespace

bool has_loop_graphs() {
  int driver = 0;
  return cudaDriverGetVersion(&driver) == cudaSuccess && driver >= 12040;
}

cudaGraph_t make_loop_graph(const std::vector<cudaGraph_t>& pieces, const std::int64_t* next) {
  load_kernel(go_on, "go_on");
  load_kernel(choose, "choose");
  cudaGraph_t graph = nullptr;
  check(cudaGraphCreate(&graph, 0), "making a graph");
  try {
    const cudaGraphConditionalHandle loop = make_handle(graph);
    const Nodes first{add_kernel(graph, {}, reinterpret_cast<void*>(&go_on), loop, next,
                                 static_cast<std::int64_t>(pieces.size()))};
    cudaGraphNode_t node = nullptr;
    fill_body(add_conditional(graph, cudaGraphCondTypeWhile, loop, first, node), pieces, next, loop);
  } catch (...) {
    cudaGraphDestroy(graph);
    throw;
  }
  return graph;
}

}  // namespace tutti::gpu
