// The stencil kernels on the device: the generic launcher, and the march through planes.
#include <cstdint>
#include <memory>
#include <vector>

#include "gpu/launch.cuh"
#include "gpu/stencil/march.hpp"

namespace tutti::gpu {
namespace {

using namespace tutti::kernels;

/// One box of a launch.
struct MarchBox {
  Field3 u, out;
  std::int64_t n0, n1, n2, depth;
};

struct StorePair {  // results are not read again soon: they leave the caches first
  __device__ void operator()(double* to, Pair value) const {
    __stcs(reinterpret_cast<double2*>(to), make_double2(value.x, value.y));
  }
};
struct PrefetchSecondLevel {
  __device__ void operator()(const double* from) const {
    asm volatile("prefetch.global.L2 [%0];" ::"l"(from));
  }
};

// Registers for two blocks on a multiprocessor at least; the other stencils need fewer and get more blocks.
template <class Cell>
__global__ void __launch_bounds__(march_threads_k* march_threads_j, 2)
    march_planes(const Cell cell, const MarchBox box) {
  const MarchPlace place =
      march_place(blockIdx.x, blockIdx.y, blockIdx.z, threadIdx.x, threadIdx.y, box.depth, box.n0);
  if (place.j >= box.n1 || place.k >= box.n2) return;
  if (place.k + 1 < box.n2)
    march(cell, box.u, box.out, place, StorePair{}, PrefetchSecondLevel{});
  else
    march_single(cell, box.u, box.out, place);
}

bool on_pairs(const Field3& f) {
  return reinterpret_cast<std::uintptr_t>(f.data) % sizeof(Pair) == 0 && f.stride0 % 2 == 0 &&
         f.stride1 % 2 == 0;
}

/// Blocks that keep the device busy for several rounds, so that the last one weighs little.
std::int64_t blocks_wanted() {
  int device = 0, multiprocessors = 0;
  check(cudaGetDevice(&device), "asking for the current device");
  check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device),
        "asking for the number of multiprocessors");
  constexpr std::int64_t rounds = 4, blocks_at_once = 4;
  return rounds * blocks_at_once * multiprocessors;
}

template <class Functor>
class MarchLaunch : public CudaLaunch {
 public:
  /// Boxes that do not lie on pairs of cells go through the generic launcher.
  static std::unique_ptr<CudaLaunch> prepare(const DeviceLaunch& launch) {
    auto made = std::make_unique<MarchLaunch>();
    made->cell_ = static_cast<const Functor*>(launch.kernel.functor.get())->cell;
    made->name_ = launch.kernel.name;
    load_kernel(march_planes<decltype(Functor::cell)>, made->name_);
    DeviceLaunch rest = launch;
    rest.parts.clear();
    const std::int64_t wanted = blocks_wanted();
    for (const LaunchPart& p : launch.parts) {
      const Argument& u = launch.arguments[p.first];
      const Argument& out = launch.arguments[p.first + 1];
      MarchBox box{{static_cast<double*>(u.data), u.stride0, u.stride1},
                   {static_cast<double*>(out.data), out.stride0, out.stride1},
                   out.box.extent(0),
                   out.box.extent(1),
                   out.box.extent(2),
                   0};
      if (out.box.empty()) continue;
      box.depth = march_depth(box.n0, box.n1, box.n2, wanted);
      const bool fits = box.n1 <= 65535 * std::int64_t{march_threads_j} && box.n0 <= 65535 * box.depth;
      if (fits && on_pairs(box.u) && on_pairs(box.out))
        made->boxes_.push_back(box);
      else
        rest.parts.push_back(p);
    }
    if (!rest.parts.empty()) made->rest_ = GenericLaunch<Functor>::prepare(rest);
    return made;
  }

  void run(cudaStream_t stream) override {
    for (const MarchBox& b : boxes_) {
      const dim3 threads(march_threads_k, march_threads_j);
      const dim3 blocks(static_cast<unsigned>((b.n2 + march_cells_k - 1) / march_cells_k),
                        static_cast<unsigned>((b.n1 + march_threads_j - 1) / march_threads_j),
                        static_cast<unsigned>((b.n0 + b.depth - 1) / b.depth));
      march_planes<<<blocks, threads, 0, stream>>>(cell_, b);
      check_launch(name_);
    }
    if (rest_) rest_->run(stream);
  }

 private:
  decltype(Functor::cell) cell_;
  std::string name_;
  std::vector<MarchBox> boxes_;
  std::unique_ptr<CudaLaunch> rest_;
};

template <class Functor>
void add(BodyTable& table, Bodies bodies) {
  if (bodies == Bodies::tuned)
    table.add<Functor>(&MarchLaunch<Functor>::prepare);
  else
    table.add<Functor>(&GenericLaunch<Functor>::prepare);
}

}  // namespace

void add_stencils(BodyTable& table, Bodies bodies) {
  table.add<StencilWrite<Heat5Cell>>(&GenericLaunch<StencilWrite<Heat5Cell>>::prepare);
  add<StencilWrite<Heat7Cell>>(table, bodies);
  add<StencilWrite<Heat27Cell>>(table, bodies);
  add<StencilUpdate<Wave2Cell>>(table, bodies);
  add<StencilUpdate<Wave8Cell>>(table, bodies);
}

}  // namespace tutti::gpu
