// Launchers for the kernels of nets: a thread for each value, eight rows for each block, sums of columns.
// Bodies are functors that are given the arguments of their part.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gpu/launch.cuh"
#include "gpu/nn/block.cuh"
#include "gpu/nn/rows.hpp"
#include "gpu/nn/steps.hpp"

namespace tutti::gpu {

template <class T = float>
__device__ __forceinline__ T* data(const Argument* a, std::uint32_t index) {
  return static_cast<T*>(a[index].data);
}
__device__ __forceinline__ float* data(const Argument* a, const PartArray& array) {
  return data(a, array.index) + array.first;
}

/// A part, the block's number in it, and where the part's arguments are.
struct BlockPlace {
  std::uint32_t part;
  std::uint32_t block;
  const Argument* arguments;
};
__device__ inline BlockPlace block_place(const Parts& parts) {
  const std::uint32_t part = part_of(parts, blockIdx.x);
  return {part, blockIdx.x - parts.first_block[part], parts.arguments + std::size_t{part} * parts.per_part};
}

/// The parts of a launch with `blocks` blocks each; shared by the steps that use it.
inline std::shared_ptr<const PartTable> part_table(const DeviceLaunch& launch, std::int64_t blocks) {
  return std::make_shared<const PartTable>(
      launch, std::vector<std::uint64_t>(launch.parts.size(), static_cast<std::uint64_t>(blocks)));
}

constexpr std::int64_t blocks_of(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }

// ---- values ---------------------------------------------------------------------------------------------

/// body(i) for the elements of the block.
template <class Body>
__device__ void for_elements(const BlockPlace& place, std::int64_t n, const Body& body) {
  const std::int64_t first = std::int64_t{place.block} * elements_of_block;
  for (std::uint32_t e = threadIdx.x; e < elements_of_block && first + e < n; e += block_threads)
    body(first + e);
}

template <class Body>
__global__ void __launch_bounds__(block_threads)
    each_value(const Body body, const Parts parts, const std::int64_t n) {
  const BlockPlace place = block_place(parts);
  for_elements(place, n, [&](std::int64_t i) { body(place.arguments, i); });
}

/// body(arguments, i) for i < n of each part.
template <class Body>
Step values(const DeviceLaunch& launch, std::int64_t n, const Body& body) {
  const std::string name = launch.kernel.name;
  load_kernel(each_value<Body>, name);
  const auto table = part_table(launch, blocks_of(n, elements_of_block));
  return [=](cudaStream_t stream) {
    if (table->blocks() == 0) return;
    each_value<<<table->blocks(), block_threads, 0, stream>>>(body, table->parts(), n);
    check_launch(name);
  };
}

// ---- rows -----------------------------------------------------------------------------------------------

template <class Body>
__global__ void __launch_bounds__(row_threads)
    each_rows(const Body body, const Parts parts, const std::int64_t rows, const std::int64_t n) {
  const BlockPlace place = block_place(parts);
  body(CudaBlock<row_threads>{}, BlockRows{std::int64_t{place.block} * rows_of_block, rows, n},
       place.arguments);
}

/// body(block, rows of the block, arguments).
template <class Body>
Step rows(const DeviceLaunch& launch, const kernels::nn::RowsShape& shape, const Body& body) {
  const std::string name = launch.kernel.name;
  load_kernel(each_rows<Body>, name);
  const auto table = part_table(launch, blocks_of(shape.rows, rows_of_block));
  return [=](cudaStream_t stream) {
    if (table->blocks() == 0) return;
    each_rows<<<table->blocks(), row_threads, 0, stream>>>(body, table->parts(), shape.rows, shape.columns);
    check_launch(name);
  };
}

// ---- sums of columns ------------------------------------------------------------------------------------

template <class Term>
__global__ void __launch_bounds__(sum_threads)
    sum_chunks(const Term term, const Parts parts, const kernels::nn::RowsShape shape, Sums* partial) {
  __shared__ Sums shared[sum_threads];
  const BlockPlace place = block_place(parts);
  const auto across = static_cast<std::uint32_t>((shape.columns + columns_of_block - 1) / columns_of_block);
  const std::uint32_t chunk = place.block / across;
  const auto chunks = static_cast<std::uint32_t>((shape.rows + chunk_rows - 1) / chunk_rows);
  chunk_sums(CudaBlock<sum_threads>{}, std::int64_t{chunk} * chunk_rows, shape.rows,
             std::int64_t{place.block % across} * columns_of_block, shape.columns, shared,
             partial + (std::int64_t{place.part} * chunks + chunk) * shape.columns,
             [&](std::int64_t row, std::int64_t column) {
               return term(place.arguments, row * shape.columns + column, column);
             });
}

/// Adds up the chunks of a column, in order.
template <bool two>
__global__ void __launch_bounds__(block_threads)
    add_chunks(const Parts parts, const kernels::nn::RowsShape shape, const Sums* partial,
               const PartArray first, const PartArray second) {
  const BlockPlace place = block_place(parts);
  const std::int64_t c = std::int64_t{place.block} * block_threads + threadIdx.x;
  if (c >= shape.columns) return;
  const std::int64_t chunks = (shape.rows + chunk_rows - 1) / chunk_rows;
  Sums sum{0, 0};
  for (std::int64_t k = 0; k < chunks; ++k)
    sum = added(sum, partial[(place.part * chunks + k) * shape.columns + c]);
  data(place.arguments, first)[c] = sum.first;
  if constexpr (two) data(place.arguments, second)[c] = sum.second;
}

/// The sums of term(arguments, place in the matrix, column) over the rows: always in the same order. Into
/// `first`, and if Term has two, into `second`.
template <bool two, class Term>
std::vector<Step> column_sums(const DeviceLaunch& launch, const kernels::nn::RowsShape& shape,
                              const Term& term, PartArray first, PartArray second = {}) {
  const std::string name = launch.kernel.name;
  load_kernel(sum_chunks<Term>, name);
  load_kernel(add_chunks<two>, name);
  const std::int64_t chunks = blocks_of(shape.rows, chunk_rows);
  const auto table = part_table(launch, chunks * blocks_of(shape.columns, columns_of_block));
  const auto ends = part_table(launch, blocks_of(shape.columns, block_threads));
  const auto partial = std::make_shared<DeviceArray<Sums>>(launch.parts.size() *
                                                           static_cast<std::size_t>(chunks * shape.columns));
  return {[=](cudaStream_t stream) {
            if (table->blocks() == 0) return;
            sum_chunks<<<table->blocks(), sum_threads, 0, stream>>>(term, table->parts(), shape,
                                                                    partial->data());
            check_launch(name);
          },
          [=](cudaStream_t stream) {
            if (ends->blocks() == 0) return;
            add_chunks<two><<<ends->blocks(), block_threads, 0, stream>>>(ends->parts(), shape,
                                                                          partial->data(), first, second);
            check_launch(name);
          }};
}

}  // namespace tutti::gpu
