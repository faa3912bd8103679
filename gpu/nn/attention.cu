// Causal attention: tiles of attention.hpp, a block for each. Heads of up to 32, 64 or 128 values have their
// own kernels, on tensor cores unless products are to be in float32.
#include <cmath>

#include "gpu/nn/attention_backward.hpp"
#include "gpu/nn/launch.cuh"
#include "gpu/nn/nets.hpp"
#include "gpu/nn/product.hpp"
#include "gpu/nn/tensor_math.cuh"

namespace tutti::gpu {
namespace {

namespace nn = kernels::nn;

/// The kernel's blocks may have `bytes` of shared memory.
template <class Kernel>
void load_with_memory(Kernel* kernel, const std::string& name, std::size_t bytes) {
  load_kernel(kernel, name);
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
        "asking for shared memory");
}

/// A block's head and its first token. The longest blocks come first where the tiles of a part are counted
/// down.
struct Tile {
  std::int64_t head;
  std::int64_t first;
};
__device__ Tile tile_of(const nn::AttentionShape& s, std::uint32_t block, bool counts_down) {
  const auto heads = static_cast<std::uint32_t>(s.sequences * s.heads);
  const auto tiles = static_cast<std::uint32_t>((s.context + attention_side - 1) / attention_side);
  const std::uint32_t tile = block / heads;
  return {block % heads, (counts_down ? tiles - 1 - tile : tile) * attention_side};
}

// qkv, y, log_sums
template <class Math, int width>
__global__ void __launch_bounds__(Math::threads)
    attention_forward(const nn::AttentionShape s, const float scale, const Parts parts) {
  extern __shared__ __align__(16) std::byte memory[];
  auto& shared = *reinterpret_cast<AttentionShared<Math, width>*>(memory);
  const BlockPlace place = block_place(parts);
  const Argument* a = place.arguments;
  const Tile tile = tile_of(s, place.block, true);
  attention_tile<Math, width>(CudaBlock<Math::threads>{}, s, tile.head, tile.first, scale, data(a, 0),
                              data(a, 1), data(a, 2), shared);
}

// qkv, y, log_sums, dy, dqkv
__device__ AttentionArrays arrays_of(const nn::AttentionShape& s, const BlockPlace& place,
                                     const float* dots) {
  const Argument* a = place.arguments;
  return {data(a, 0), data(a, 2), dots + place.part * s.sequences * s.heads * s.context, data(a, 3),
          data(a, 4)};
}

template <class Math, int width, bool keys>
__global__ void __launch_bounds__(Math::threads)
    attention_backward(const nn::AttentionShape s, const float scale, const Parts parts, const float* dots) {
  extern __shared__ __align__(16) std::byte memory[];
  auto& shared = *reinterpret_cast<AttentionBackwardShared<Math, width>*>(memory);
  const BlockPlace place = block_place(parts);
  const AttentionArrays arrays = arrays_of(s, place, dots);
  const Tile tile = tile_of(s, place.block, !keys);
  if constexpr (keys)
    attention_keys_backward<Math, width>(CudaBlock<Math::threads>{}, s, tile.head, tile.first, scale, arrays,
                                         shared);
  else
    attention_queries_backward<Math, width>(CudaBlock<Math::threads>{}, s, tile.head, tile.first, scale,
                                            arrays, shared);
}

/// The dot products of y and dy: a warp for each head of a token, so its row has the head's values.
__global__ void __launch_bounds__(row_threads)
    attention_dots(const nn::AttentionShape s, const Parts parts, float* dots) {
  const BlockPlace place = block_place(parts);
  const BlockRows rows{std::int64_t{place.block} * rows_of_block, s.sequences * s.context * s.heads,
                       s.head_width};
  CudaBlock<row_threads>::Private<float> sum;
  const float *y = data(place.arguments, 1), *dy = data(place.arguments, 3);
  row_sums(CudaBlock<row_threads>{}, rows, sum,
           [&](std::uint32_t, std::int64_t row, std::int64_t c) { return y[row + c] * dy[row + c]; });
  const std::uint32_t t = threadIdx.x;
  if (!rows.has(t) || t % warp != 0) return;
  const std::int64_t row = rows.row(t), head = row % s.heads, token = row / s.heads;
  dots[place.part * s.sequences * s.heads * s.context + (token / s.context * s.heads + head) * s.context +
       token % s.context] = sum[t];
}

std::int64_t tiles_of_part(const nn::AttentionShape& s) {
  return s.sequences * s.heads * blocks_of(s.context, attention_side);
}
float scale_of(const nn::AttentionShape& s) {
  return static_cast<float>(1 / std::sqrt(static_cast<double>(s.head_width)));
}

template <class Math, int width>
std::unique_ptr<CudaLaunch> prepare_forward(const DeviceLaunch& launch, const nn::AttentionShape& s) {
  const std::string name = launch.kernel.name;
  constexpr std::size_t bytes = sizeof(AttentionShared<Math, width>);
  load_with_memory(attention_forward<Math, width>, name, bytes);
  const auto table = part_table(launch, tiles_of_part(s));
  auto steps = std::make_unique<Steps>();
  steps->add([=, scale = scale_of(s)](cudaStream_t stream) {
    if (table->blocks() == 0) return;
    attention_forward<Math, width>
        <<<table->blocks(), Math::threads, bytes, stream>>>(s, scale, table->parts());
    check_launch(name);
  });
  return steps;
}

template <class Math, int width>
std::unique_ptr<CudaLaunch> prepare_backward(const DeviceLaunch& launch, const nn::AttentionShape& s) {
  const std::string name = launch.kernel.name;
  constexpr std::size_t bytes = sizeof(AttentionBackwardShared<Math, width>);
  load_kernel(attention_dots, name);
  load_with_memory(attention_backward<Math, width, true>, name, bytes);
  load_with_memory(attention_backward<Math, width, false>, name, bytes);
  const std::int64_t rows = s.sequences * s.context * s.heads;
  const auto dots =
      std::make_shared<DeviceArray<float>>(launch.parts.size() * static_cast<std::size_t>(rows));
  const auto row_table = part_table(launch, blocks_of(rows, rows_of_block));
  const auto table = part_table(launch, tiles_of_part(s));
  auto steps = std::make_unique<Steps>();
  steps->add([=, scale = scale_of(s)](cudaStream_t stream) {
    if (table->blocks() == 0) return;
    attention_dots<<<row_table->blocks(), row_threads, 0, stream>>>(s, row_table->parts(), dots->data());
    check_launch(name);
    attention_backward<Math, width, true>
        <<<table->blocks(), Math::threads, bytes, stream>>>(s, scale, table->parts(), dots->data());
    check_launch(name);
    attention_backward<Math, width, false>
        <<<table->blocks(), Math::threads, bytes, stream>>>(s, scale, table->parts(), dots->data());
    check_launch(name);
  });
  return steps;
}

/// Calls prepare(Math, a constant): the least width that has kernels and holds the head.
template <class F>
std::unique_ptr<CudaLaunch> with_kernels(std::int64_t head_width, const F& prepare) {
  const auto with_math = [&](auto math) {
    if (head_width <= 32) return prepare(math, std::integral_constant<int, 32>{});
    if (head_width <= 64) return prepare(math, std::integral_constant<int, 64>{});
    return prepare(math, std::integral_constant<int, 128>{});
  };
  return product_precision() == Precision::float32 ? with_math(ThreadMath{}) : with_math(TensorMath{});
}

template <class F>
bool is_narrow(const Kernel& kernel) {
  return static_cast<const F*>(kernel.functor.get())->shape.head_width <= 128;
}

}  // namespace

void add_attention(BodyTable& table) {
  using Forward = nn::AttentionForward<float>;
  using Backward = nn::AttentionBackward<float>;
  table.add<Forward>(
      [](const DeviceLaunch& launch) {
        const nn::AttentionShape& s = functor_of<Forward>(launch).shape;
        return with_kernels(s.head_width, [&](auto math, auto width) {
          return prepare_forward<decltype(math), decltype(width)::value>(launch, s);
        });
      },
      &is_narrow<Forward>);
  table.add<Backward>(
      [](const DeviceLaunch& launch) {
        const nn::AttentionShape& s = functor_of<Backward>(launch).shape;
        return with_kernels(s.head_width, [&](auto math, auto width) {
          return prepare_backward<decltype(math), decltype(width)::value>(launch, s);
        });
      },
      &is_narrow<Backward>);
}

}  // namespace tutti::gpu
