// Layer norm, the loss, and what dense layers need beside products.
#include "gpu/nn/launch.cuh"
#include "gpu/nn/nets.hpp"

namespace tutti::gpu {
namespace {

namespace nn = kernels::nn;
using nn::Activation;

// ---- layer norm: x, statistics, dy, w, g, dx backward -----------------------------------------------------

std::unique_ptr<CudaLaunch> layer_norm(const DeviceLaunch& launch) {
  const nn::LayerNormPlace at = functor_of<nn::LayerNormForward<float>>(launch).at;
  auto steps = std::make_unique<Steps>();
  steps->add(rows(launch, at.shape,
                  [=] __device__(CudaBlock<row_threads> block, const BlockRows& r, const Argument* a) {
                    layer_norm_rows(block, r, data(a, 0), data(a, 1) + at.gain, data(a, 1) + at.bias,
                                    static_cast<float>(nn::layer_norm_epsilon), data(a, 2), data(a, 3));
                  }));
  return steps;
}

template <bool adds>
std::unique_ptr<CudaLaunch> layer_norm_backward(const DeviceLaunch& launch, const nn::LayerNormPlace& at) {
  auto steps = std::make_unique<Steps>();
  steps->add(rows(launch, at.shape,
                  [=] __device__(CudaBlock<row_threads> block, const BlockRows& r, const Argument* a) {
                    layer_norm_rows_backward<adds>(block, r, data(a, 0), data(a, 3) + at.gain, data(a, 1),
                                                   data(a, 2), data(a, 5));
                  }));
  const std::int64_t columns = at.shape.columns;
  steps->add(column_sums<true>(launch, at.shape,
                               [=] __device__(const Argument* a, std::int64_t i, std::int64_t) {
                                 const float* statistics = data(a, 1) + 2 * (i / columns);
                                 const float dy = data(a, 2)[i];
                                 return Sums{dy * ((data(a, 0)[i] - statistics[0]) * statistics[1]), dy};
                               },
                               {4, at.gain}, {4, at.bias}));
  return steps;
}

// ---- loss: labels, logits ---------------------------------------------------------------------------------

/// The results of the parts from one number of each block of rows: threads add every 256th in order, then
/// the threads in halves.
template <class From, class To>
__global__ void __launch_bounds__(block_threads)
    add_blocks(const From* partial, const std::uint32_t per_part, const Parts parts, const double divisor) {
  __shared__ To shared[block_threads];
  To sum = 0;
  for (std::uint32_t b = threadIdx.x; b < per_part; b += block_threads)
    sum += static_cast<To>(partial[std::size_t{blockIdx.x} * per_part + b]);
  shared[threadIdx.x] = sum;
  for (std::uint32_t half = block_threads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
  }
  if (threadIdx.x == 0) {
    if constexpr (std::is_same_v<To, double>) shared[0] /= divisor;
    *static_cast<To*>(parts.results[blockIdx.x]) = shared[0];
  }
}

/// body(block, rows, arguments, one From for each row of the block) for all rows; the part's value is their
/// sum / divisor.
template <class From, class To, class Body>
__global__ void __launch_bounds__(row_threads)
    row_values(const Body body, const Parts parts, const nn::RowsShape shape, From* partial) {
  __shared__ From of_rows[rows_of_block];
  const BlockPlace place = block_place(parts);
  body(CudaBlock<row_threads>{},
       BlockRows{std::int64_t{place.block} * rows_of_block, shape.rows, shape.columns}, place.arguments,
       of_rows);
  if (threadIdx.x != 0) return;
  From sum = of_rows[0];
  for (std::uint32_t r = 1; r < rows_of_block; ++r) sum += of_rows[r];
  partial[blockIdx.x] = sum;
}

template <class From, class To, class Body>
std::unique_ptr<CudaLaunch> sum_of_rows(const DeviceLaunch& launch, const nn::RowsShape& shape,
                                        double divisor, const Body& body) {
  const std::string name = launch.kernel.name;
  load_kernel(row_values<From, To, Body>, name);
  load_kernel(add_blocks<From, To>, name);
  const auto per_part = static_cast<std::uint32_t>(blocks_of(shape.rows, rows_of_block));
  const auto table = part_table(launch, per_part);
  const auto partial = std::make_shared<DeviceArray<From>>(table->blocks());
  const auto count = static_cast<std::uint32_t>(launch.parts.size());
  auto steps = std::make_unique<Steps>();
  steps->add([=](cudaStream_t stream) {
    if (table->blocks() == 0) return;
    row_values<From, To>
        <<<table->blocks(), row_threads, 0, stream>>>(body, table->parts(), shape, partial->data());
    check_launch(name);
    add_blocks<From, To>
        <<<count, block_threads, 0, stream>>>(partial->data(), per_part, table->parts(), divisor);
    check_launch(name);
  });
  return steps;
}

std::unique_ptr<CudaLaunch> loss(const DeviceLaunch& launch, const nn::RowsShape& shape, double total,
                                 bool wants_gradient) {
  const auto scale = static_cast<float>(1 / total);
  return sum_of_rows<double, double>(
      launch, shape, total,
      [=] __device__(CudaBlock<row_threads> block, const BlockRows& r, const Argument* a, double* losses) {
        cross_entropy_rows(block, r, data(a, 1), data<std::int32_t>(a, 0), scale,
                           wants_gradient ? data(a, 1) : nullptr, losses);
      });
}

std::unique_ptr<CudaLaunch> correct(const DeviceLaunch& launch) {
  return sum_of_rows<std::int32_t, long long>(launch, functor_of<nn::CountCorrect<float>>(launch).shape, 1,
                                              [=] __device__(CudaBlock<row_threads> block, const BlockRows& r,
                                                             const Argument* a, std::int32_t* count) {
                                                correct_rows(block, r, data(a, 1), data<std::int32_t>(a, 0),
                                                             count);
                                              });
}

}  // namespace

// ---- steps of dense layers
// ----------------------------------------------------------------------------------

Step add_values(const DeviceLaunch& launch, std::int64_t n, PartArray x, PartArray y) {
  return values(launch, n,
                [=] __device__(const Argument* a, std::int64_t i) { data(a, y)[i] += data(a, x)[i]; });
}

Step add_bias(const DeviceLaunch& launch, const nn::RowsShape& shape, Activation activation, PartArray b,
              PartArray u, PartArray y) {
  const std::int64_t columns = shape.columns;
  return values(launch, shape.rows * columns, [=] __device__(const Argument* a, std::int64_t i) {
    const float value = data(a, u)[i] + data(a, b)[i % columns];
    if (activation == Activation::gelu) {
      data(a, u)[i] = value;
      data(a, y)[i] = gelu(value);
    } else {
      data(a, y)[i] = activation == Activation::relu ? relu(value) : value;
    }
  });
}

std::vector<Step> sum_columns(const DeviceLaunch& launch, const nn::RowsShape& shape, PartArray dy,
                              PartArray db) {
  return column_sums<false>(
      launch, shape,
      [=] __device__(const Argument* a, std::int64_t i, std::int64_t) {
        return Sums{data(a, dy)[i], 0};
      },
      db);
}

std::vector<Step> activation_backward(const DeviceLaunch& launch, const nn::RowsShape& shape,
                                      Activation activation, PartArray from, PartArray dy, PartArray db) {
  const bool is_relu = activation == Activation::relu;
  return column_sums<false>(
      launch, shape,
      [=] __device__(const Argument* a, std::int64_t i, std::int64_t) {
        const float at = data(a, from)[i], value = data(a, dy)[i];
        const float before = is_relu ? relu_backward(at, value) : gelu_backward(at, value);
        data(a, dy)[i] = before;
        return Sums{before, 0};
      },
      db);
}

void add_rows(BodyTable& table) {
  table.add<nn::LayerNormForward<float>>(&layer_norm);
  table.add<nn::LayerNormBackward<float>>([](const DeviceLaunch& launch) {
    return layer_norm_backward<false>(launch, functor_of<nn::LayerNormBackward<float>>(launch).at);
  });
  table.add<nn::LayerNormBackwardAdd<float>>([](const DeviceLaunch& launch) {
    return layer_norm_backward<true>(launch, functor_of<nn::LayerNormBackwardAdd<float>>(launch).at);
  });
  table.add<nn::CrossEntropy<float>>([](const DeviceLaunch& launch) {
    const auto& f = functor_of<nn::CrossEntropy<float>>(launch);
    return loss(launch, f.shape, f.total, true);
  });
  table.add<nn::LossOfRows<float>>([](const DeviceLaunch& launch) {
    return loss(launch, functor_of<nn::LossOfRows<float>>(launch).shape, 1, false);
  });
  table.add<nn::CountCorrect<float>>(&correct);
}

}  // namespace tutti::gpu
