// The generic launcher: runs a functor of kernels/ for every element, row or tile of a launch.
//
//   functor.element(i, j, k, arguments...)   a thread for each cell
//   functor.row(i, arguments...)             a thread for each row of a vector
//   functor.row(...) that returns a double   a block of threads for each tile; the terms are added as on the
//                                            host, in eight lanes: the same bits
#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "gpu/bodies.hpp"
#include "gpu/cuda_check.hpp"
#include "gpu/device_array.hpp"
#include "gpu/lanes.hpp"
#include "gpu/load_kernel.cuh"
#include "runtime/data/kernel.hpp"

namespace tutti::gpu {

/// The parts of a launch as kernels see them: blocks [first_block[p], first_block[p + 1]) work on part p,
/// whose arguments begin at arguments[p * per_part].
struct Parts {
  const Argument* arguments;
  void* const* results;
  const std::uint32_t* first_block;
  std::uint32_t count;
  std::uint32_t per_part;
};

/// The part of block `block`: the last one that begins at or before it.
TUTTI_FUNCTION inline std::uint32_t part_of(const Parts& parts, std::uint32_t block) {
  std::uint32_t low = 0, high = parts.count;  // the answer is in [low, high)
  while (high - low > 1) {
    const std::uint32_t middle = (low + high) / 2;
    if (parts.first_block[middle] <= block)
      low = middle;
    else
      high = middle;
  }
  return low;
}

template <class F>
using ArgumentsOf = typename detail::Signature<F>::Arguments;
template <class F>
inline constexpr std::size_t argument_count = std::tuple_size_v<ArgumentsOf<F>>;

/// The arguments of a part in the types of F's contract; scalars are read here.
template <class F, std::size_t... I>
__device__ ArgumentsOf<F> arguments_of(const Argument* a, std::index_sequence<I...>) {
  return {detail::ParameterOf<std::tuple_element_t<I, ArgumentsOf<F>>>::get(a[I])...};
}
template <class F>
__device__ ArgumentsOf<F> arguments_of(const Argument* a) {
  return arguments_of<F>(a, std::make_index_sequence<argument_count<F>>{});
}

template <class F>
inline constexpr bool has_rows = requires {
  &F::row;
};

constexpr std::uint32_t block_threads = 256;
constexpr std::uint32_t elements_of_block = 1024;  ///< four of each thread, a block apart

/// Elements are numbered with k fastest; the box is that of the last argument, which is what kernels write.
template <class F>
__global__ void __launch_bounds__(block_threads) elements(const F f, const Parts parts) {
  const std::uint32_t p = part_of(parts, blockIdx.x);
  const Argument* a = parts.arguments + std::size_t{p} * parts.per_part;
  const Box& box = a[parts.per_part - 1].box;
  const std::int64_t n1 = box.extent(1), n2 = box.extent(2);
  const std::int64_t n = box.extent(0) * n1 * n2;
  const std::int64_t first = std::int64_t{blockIdx.x - parts.first_block[p]} * elements_of_block;
  const ArgumentsOf<F> arguments = arguments_of<F>(a);
  for (std::uint32_t e = threadIdx.x; e < elements_of_block; e += block_threads) {
    const std::int64_t at = first + e;
    if (at >= n) return;
    if constexpr (has_rows<F>)
      std::apply([&](const auto&... x) { f.row(at, x...); }, arguments);
    else
      std::apply([&](const auto&... x) { f.element(at / n2 / n1, at / n2 % n1, at % n2, x...); }, arguments);
  }
}

/// One block for each part. Warp 0 adds what the others have computed in the round before.
template <class F>
__global__ void __launch_bounds__(lanes_threads) lane_sums(const F f, const Parts parts) {
  __shared__ double terms[2][lanes_round];
  const Argument* a = parts.arguments + std::size_t{blockIdx.x} * parts.per_part;
  const std::int64_t n = a[parts.per_part - 1].box.extent(2);
  const ArgumentsOf<F> arguments = arguments_of<F>(a);
  double lane = add_in_lanes(
      threadIdx.x, n, terms,
      [&](std::int64_t i) { return std::apply([&](const auto&... x) { return f.row(i, x...); }, arguments); },
      [] { __syncthreads(); });
  if (threadIdx.x >= 32) return;
  // lanes 0 to 7 hold the sums: ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)), as in_lanes on the host
  lane += __shfl_down_sync(0xffffffffU, lane, 4);
  lane += __shfl_down_sync(0xffffffffU, lane, 2);
  lane += __shfl_down_sync(0xffffffffU, lane, 1);
  if (threadIdx.x == 0) *static_cast<double*>(parts.results[blockIdx.x]) = lane;
}

/// The parts of a launch in device memory, divided into blocks.
class PartTable {
 public:
  /// `blocks` of each part.
  PartTable(const DeviceLaunch& launch, const std::vector<std::uint64_t>& blocks);
  std::uint32_t blocks() const { return blocks_; }
  Parts parts() const { return {arguments_.data(), results_.data(), first_block_.data(), count_, per_part_}; }

 private:
  std::uint32_t count_;
  std::uint32_t per_part_;
  std::uint32_t blocks_ = 0;
  DeviceArray<Argument> arguments_;
  DeviceArray<void*> results_;
  DeviceArray<std::uint32_t> first_block_;
};

/// A functor of kernels/ through the launchers above.
template <class F>
class GenericLaunch : public CudaLaunch {
 public:
  static std::unique_ptr<CudaLaunch> prepare(const DeviceLaunch& launch) {
    return std::make_unique<GenericLaunch>(launch);
  }
  explicit GenericLaunch(const DeviceLaunch& launch)
      : functor_(*static_cast<const F*>(launch.kernel.functor.get())),
        name_(launch.kernel.name),
        table_(launch, blocks(launch)) {
    if constexpr (returns_value)
      load_kernel(lane_sums<F>, name_);
    else
      load_kernel(elements<F>, name_);
  }

  void run(cudaStream_t stream) override {
    if (table_.blocks() == 0) return;
    if constexpr (returns_value)
      lane_sums<<<table_.blocks(), lanes_threads, 0, stream>>>(functor_, table_.parts());
    else
      elements<<<table_.blocks(), block_threads, 0, stream>>>(functor_, table_.parts());
    check_launch(name_);
  }

 private:
  static constexpr bool returns_value = !std::is_void_v<typename detail::Signature<F>::Result>;
  static_assert(!detail::Signature<F>::takes_task);

  static std::vector<std::uint64_t> blocks(const DeviceLaunch& launch) {
    std::vector<std::uint64_t> n;
    for (const LaunchPart& p : launch.parts) {
      const auto cells = static_cast<std::uint64_t>(p.task.box.size());
      n.push_back(returns_value ? 1 : (cells + elements_of_block - 1) / elements_of_block);
    }
    return n;
  }

  F functor_;
  std::string name_;
  PartTable table_;
};

}  // namespace tutti::gpu
