// A launch with one block of threads for each tile, and memory for the values that the tile reads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gpu/launch.cuh"
#include "gpu/sparse/rows.hpp"

namespace tutti::gpu {

constexpr std::uint32_t tile_threads = 512;

/// Where the blocks keep their values: in shared memory, or, where the largest tile does not fit into it, in
/// global memory, `stride` values for each block.
struct TileScratch {
  double* global;
  std::uint64_t stride;
};

/// The sum of the terms in thread 0 of the block; the others get nothing useful. Ends with a barrier before.
__device__ inline double block_lane_sum(const double* terms, std::uint32_t n) {
  __syncthreads();
  double lane = threadIdx.x < 8 ? lane_sum(threadIdx.x, terms, n) : 0;
  if (threadIdx.x < 32) {
    lane += __shfl_down_sync(0xffffffffU, lane, 4);
    lane += __shfl_down_sync(0xffffffffU, lane, 2);
    lane += __shfl_down_sync(0xffffffffU, lane, 1);
  }
  return lane;
}

template <class Operation>
__global__ void __launch_bounds__(tile_threads) tiles(const Parts parts, const TileScratch scratch) {
  extern __shared__ double shared[];
  const Argument* a = parts.arguments + std::size_t{blockIdx.x} * parts.per_part;
  double* local = scratch.global != nullptr ? scratch.global + blockIdx.x * scratch.stride : shared;
  Operation::run(Thread{threadIdx.x, tile_threads}, a, local,
                 static_cast<double*>(parts.results[blockIdx.x]));
}

/// Memory for `values` values of each of `blocks` blocks of a kernel: shared if they fit.
class TileMemory {
 public:
  TileMemory() = default;
  template <class Kernel>
  TileMemory(Kernel* kernel, const std::string& name, std::uint64_t values, std::uint64_t blocks) {
    load_kernel(kernel, name);
    int device = 0, most_shared = 0;
    check(cudaGetDevice(&device), "asking for the current device");
    check(cudaDeviceGetAttribute(&most_shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, device),
          "asking for the size of shared memory");
    if (values * sizeof(double) <= static_cast<std::uint64_t>(most_shared)) {
      shared_bytes_ = values * sizeof(double);
      check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, most_shared),
            "asking for shared memory");
    } else {
      global_ = DeviceArray<double>(values * blocks);
      stride_ = values;
    }
  }
  std::size_t shared_bytes() const { return shared_bytes_; }
  TileScratch scratch() const { return {global_.data(), stride_}; }

 private:
  std::size_t shared_bytes_ = 0;
  DeviceArray<double> global_;
  std::uint64_t stride_ = 0;
};

/// Operation::values(a part's arguments) says how many values of scratch the part needs; Operation::run is
/// what each thread does.
template <class Operation>
class TileLaunch : public CudaLaunch {
 public:
  static std::unique_ptr<CudaLaunch> prepare(const DeviceLaunch& launch) {
    return std::make_unique<TileLaunch>(launch);
  }
  explicit TileLaunch(const DeviceLaunch& launch)
      : name_(launch.kernel.name), table_(launch, std::vector<std::uint64_t>(launch.parts.size(), 1)) {
    std::uint64_t values = 0;
    for (const LaunchPart& p : launch.parts)
      values = std::max(values, Operation::values(&launch.arguments[p.first]));
    memory_ = TileMemory(tiles<Operation>, name_, values, launch.parts.size());
  }

  void run(cudaStream_t stream) override {
    if (table_.blocks() == 0) return;
    tiles<Operation><<<table_.blocks(), tile_threads, memory_.shared_bytes(), stream>>>(table_.parts(),
                                                                                        memory_.scratch());
    check_launch(name_);
  }

 private:
  std::string name_;
  PartTable table_;
  TileMemory memory_;
};

/// The tile object of an argument, whose arrays are on the device.
template <class Tile>
Tile tile_on_device(const Argument& a) {
  return from_device(static_cast<const Tile*>(a.data), 1)[0];
}

}  // namespace tutti::gpu
