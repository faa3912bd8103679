// Batches of text, embedding, convolution and pooling: a thread for each value that is written, and a block
// for each sum.
#include "gpu/nn/launch.cuh"
#include "gpu/nn/nets.hpp"
#include "gpu/nn/values.hpp"
#include "kernels/nn/batches.hpp"

namespace tutti::gpu {
namespace {

// ---- batches: first, tokens, labels
// -------------------------------------------------------------------------

__global__ void __launch_bounds__(block_threads)
    text_batch(const nn::TextPlaces places, const std::uint8_t* text, const std::uint32_t* shards,
               const std::int64_t* step, const Parts parts) {
  const BlockPlace place = block_place(parts);
  const std::int64_t first = *data<std::int64_t>(place.arguments, 0);
  for_elements(place, places.samples * places.context, [&](std::int64_t i) {
    const std::int64_t at = places.at(first, *step, shards[place.part], i / places.context);
    const std::uint8_t* from = text + (at < 0 ? 0 : at) + i % places.context;
    data<std::int32_t>(place.arguments, 1)[i] = from[0];
    data<std::int32_t>(place.arguments, 2)[i] = at < 0 ? -1 : from[1];
  });
}

/// The text lies on the device as long as the launch is there.
std::unique_ptr<CudaLaunch> text_batches(const DeviceLaunch& launch) {
  const auto& f = functor_of<nn::TextBatch>(launch);
  const std::string name = launch.kernel.name;
  load_kernel(text_batch, name);
  const auto text =
      std::make_shared<DeviceArray<std::uint8_t>>(std::vector<std::uint8_t>(f.text.begin(), f.text.end()));
  std::vector<std::uint32_t> shards;
  for (const LaunchPart& p : launch.parts) shards.push_back(p.task.tile.value);
  const auto shards_there = std::make_shared<DeviceArray<std::uint32_t>>(shards);
  const auto table = part_table(launch, blocks_of(f.places.samples * f.places.context, elements_of_block));
  auto steps = std::make_unique<Steps>();
  steps->add([=, places = f.places, step = launch.step](cudaStream_t stream) {
    if (table->blocks() == 0) return;
    text_batch<<<table->blocks(), block_threads, 0, stream>>>(places, text->data(), shards_there->data(),
                                                              step, table->parts());
    check_launch(name);
  });
  return steps;
}

// ---- embedding: tokens, w, x; backward: tokens, dx, g
// -------------------------------------------------------

std::unique_ptr<CudaLaunch> embedding(const DeviceLaunch& launch) {
  const nn::EmbeddingPlace at = functor_of<nn::EmbeddingForward<float>>(launch).at;
  auto steps = std::make_unique<Steps>();
  steps->add(values(launch, at.shape.sequences * at.shape.context * at.shape.width,
                    [=] __device__(const Argument* a, std::int64_t i) {
                      data(a, 2)[i] = embedded(at.shape, data<std::int32_t>(a, 0), data(a, 1) + at.token,
                                               data(a, 1) + at.position, i);
                    }));
  return steps;
}

__global__ void __launch_bounds__(token_threads)
    token_gradients(const nn::EmbeddingPlace at, const Parts parts) {
  __shared__ TokenRows shared;
  const BlockPlace place = block_place(parts);
  const Argument* a = place.arguments;
  const auto across = static_cast<std::uint32_t>((at.shape.width + token_threads - 1) / token_threads);
  add_token_gradient(CudaBlock<token_threads>{}, at.shape, data<std::int32_t>(a, 0),
                     static_cast<std::int32_t>(place.block / across),
                     std::int64_t{place.block % across} * token_threads, data(a, 1), data(a, 2) + at.token,
                     shared);
}

std::unique_ptr<CudaLaunch> embedding_backward(const DeviceLaunch& launch) {
  const nn::EmbeddingPlace at = functor_of<nn::EmbeddingBackward<float>>(launch).at;
  const std::string name = launch.kernel.name;
  load_kernel(token_gradients, name);
  const auto table = part_table(launch, at.shape.vocabulary * blocks_of(at.shape.width, token_threads));
  auto steps = std::make_unique<Steps>();
  steps->add([=](cudaStream_t stream) {
    if (table->blocks() == 0) return;
    token_gradients<<<table->blocks(), token_threads, 0, stream>>>(at, table->parts());
    check_launch(name);
  });
  steps->add(
      values(launch, at.shape.context * at.shape.width, [=] __device__(const Argument* a, std::int64_t i) {
        data(a, 2)[at.position + i] = position_gradient(at.shape, data(a, 1), i);
      }));
  return steps;
}

// ---- convolution: x, w, y; backward: x, y, dy, (w,) g(, dx)
// ---------------------------------------------------

/// A block's sum of term(0) ... term(n - 1): every 256th by a thread in order, then the threads in halves. In
/// thread 0.
template <class Term>
__device__ float block_sum(std::int64_t n, const Term& term) {
  __shared__ float shared[block_threads];
  float sum = 0;
  for (std::int64_t i = threadIdx.x; i < n; i += block_threads) sum += term(i);
  shared[threadIdx.x] = sum;
  for (std::uint32_t half = block_threads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
  }
  return shared[0];
}

/// A block for each tap of each filter, and one for the bias of each filter.
__global__ void __launch_bounds__(block_threads)
    filter_gradients(const nn::ConvolutionPlace at, const Parts parts, const std::uint32_t g_index) {
  const BlockPlace place = block_place(parts);
  const Argument* a = place.arguments;
  const nn::ConvolutionShape& s = at.shape;
  const float* dy = data(a, 2);
  float* g = data(a, g_index);
  const std::int64_t weights = s.filters * s.taps(), pixels = s.out_height() * s.out_width();
  if (place.block < weights) {
    const float* x = data(a, 0);
    const float sum = block_sum(
        s.images * pixels, [&](std::int64_t pixel) { return weight_term(s, x, dy, place.block, pixel); });
    if (threadIdx.x == 0) g[at.w + place.block] = sum;
  } else {
    const std::int64_t f = place.block - weights;
    const float sum = block_sum(s.images * pixels, [&](std::int64_t pixel) {
      return dy[(pixel / pixels * s.filters + f) * pixels + pixel % pixels];
    });
    if (threadIdx.x == 0) g[at.b + f] = sum;
  }
}

std::unique_ptr<CudaLaunch> convolution(const DeviceLaunch& launch) {
  const nn::ConvolutionPlace at = functor_of<nn::ConvolutionReluForward<float>>(launch).at;
  const nn::PlanesShape planes = at.outputs();
  auto steps = std::make_unique<Steps>();
  steps->add(values(launch, planes.images * planes.channels * planes.values,
                    [=] __device__(const Argument* a, std::int64_t i) {
                      const float b = data(a, 1)[at.b + i / planes.values % planes.channels];
                      data(a, 2)[i] = relu(convolved(at.shape, data(a, 0), data(a, 1) + at.w, i) + b);
                    }));
  return steps;
}

template <class F, bool wants_input>
std::unique_ptr<CudaLaunch> convolution_backward(const DeviceLaunch& launch) {
  const nn::ConvolutionPlace at = functor_of<F>(launch).at;
  const nn::PlanesShape planes = at.outputs();
  const nn::ConvolutionShape& s = at.shape;
  const std::string name = launch.kernel.name;
  constexpr std::uint32_t g = wants_input ? 4 : 3;
  auto steps = std::make_unique<Steps>();
  steps->add(values(launch, planes.images * planes.channels * planes.values,
                    [=] __device__(const Argument* a, std::int64_t i) {
                      data(a, 2)[i] = relu_backward(data(a, 1)[i], data(a, 2)[i]);
                    }));
  load_kernel(filter_gradients, name);
  const auto table = part_table(launch, s.filters * (s.taps() + 1));
  steps->add([=](cudaStream_t stream) {
    if (table->blocks() == 0) return;
    filter_gradients<<<table->blocks(), block_threads, 0, stream>>>(at, table->parts(), g);
    check_launch(name);
  });
  if (wants_input)
    steps->add(values(launch, s.images * s.channels * s.height * s.width,
                      [=] __device__(const Argument* a, std::int64_t i) {
                        data(a, 5)[i] = convolved_back(at.shape, data(a, 2), data(a, 3) + at.w, i);
                      }));
  return steps;
}

// ---- pooling: x, y; backward: x, dy, dx
// -----------------------------------------------------------------------

std::unique_ptr<CudaLaunch> max_pool(const DeviceLaunch& launch) {
  const nn::PoolShape s = functor_of<nn::MaxPoolForward<float>>(launch).shape;
  auto steps = std::make_unique<Steps>();
  steps->add(values(launch, s.planes * s.out_height() * s.out_width(),
                    [=] __device__(const Argument* a, std::int64_t i) {
                      data(a, 1)[i] = data(a, 0)[greatest_of_window(s, data(a, 0), i)];
                    }));
  return steps;
}

std::unique_ptr<CudaLaunch> max_pool_backward(const DeviceLaunch& launch) {
  const nn::PoolShape s = functor_of<nn::MaxPoolBackward<float>>(launch).shape;
  auto steps = std::make_unique<Steps>();
  steps->add(values(launch, s.planes * s.height * s.width, [=] __device__(const Argument* a, std::int64_t i) {
    data(a, 2)[i] = pooled_back(s, data(a, 0), data(a, 1), i);
  }));
  return steps;
}

}  // namespace

void add_values(BodyTable& table) {
  table.add<nn::TextBatch>(&text_batches);
  table.add<nn::EmbeddingForward<float>>(&embedding);
  table.add<nn::EmbeddingBackward<float>>(&embedding_backward);
  using Inner = nn::ConvolutionReluBackward<float>;
  using First = nn::ConvolutionReluBackwardFirst<float>;
  table.add<nn::ConvolutionReluForward<float>>(&convolution);
  table.add<Inner>(&convolution_backward<Inner, true>);
  table.add<First>(&convolution_backward<First, false>);
  table.add<nn::MaxPoolForward<float>>(&max_pool);
  table.add<nn::MaxPoolBackward<float>>(&max_pool_backward);
}

}  // namespace tutti::gpu
