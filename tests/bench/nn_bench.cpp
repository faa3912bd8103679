// What kernels/nn cost on one core: GFLOP/s of the products of a gpt of width 128 and context 128 beside
// those of a large product, and nanoseconds per element of the rest. Arguments of products: rows, columns,
// inner extent, and whether a and b are transposed.
#include <vector>

#include <benchmark/benchmark.h>

#include "kernels/nn/gemm.hpp"
#include "kernels/nn/nn.hpp"

namespace {

using namespace tutti::kernels::nn;
using benchmark::Counter;

std::vector<float> values(std::int64_t n) {
  std::vector<float> x(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(i * 37 % 101) / 50 - 1;
  return x;
}

void count_flops(benchmark::State& state, double flops) {
  state.counters["GFLOP/s"] = Counter(flops * 1e-9, Counter::kIsIterationInvariantRate);
}
void count_elements(benchmark::State& state, std::int64_t n) {
  state.counters["ns/element"] =
      Counter(static_cast<double>(n) * 1e-9, Counter::kIsIterationInvariantRate | Counter::kInvert);
}

void product(benchmark::State& state) {
  const std::int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const bool ta = state.range(3) != 0, tb = state.range(4) != 0;
  const auto a = values(m * k), b = values(k * n);
  std::vector<float> c(static_cast<std::size_t>(m * n));
  for (auto _ : state)
    gemm<float>(m, n, k, {a.data(), ta ? m : k, ta}, {b.data(), tb ? k : n, tb}, {}, c.data(), n);
  count_flops(state, 2.0 * static_cast<double>(m * n * k));
}
BENCHMARK(product)
    ->Args({512, 512, 512, 0, 0})  // the large one
    ->Args({256, 384, 128, 0, 0})  // queries, keys and values, forward; then by input and by weights
    ->Args({256, 128, 384, 0, 1})
    ->Args({128, 384, 256, 1, 0})
    ->Args({256, 128, 128, 0, 0})  // projection
    ->Args({256, 512, 128, 0, 0})  // feed-forward, in
    ->Args({256, 128, 512, 0, 1})
    ->Args({128, 512, 256, 1, 0})
    ->Args({256, 128, 512, 0, 0})  // feed-forward, out
    ->Args({256, 512, 128, 0, 1})
    ->Args({512, 128, 256, 1, 0})
    ->Args({256, 256, 128, 0, 1})  // logits
    ->Args({64, 64, 32, 0, 1})     // blocks of attention
    ->Args({64, 32, 64, 0, 0})
    ->Args({64, 32, 64, 1, 0})
    ->Args({64, 64, 64, 0, 0})  // mlp with layers of 64
    ->Args({2, 64, 64, 0, 0})   // and few samples in a shard
    ->Args({2, 64, 64, 0, 1})
    ->Args({1, 512, 512, 0, 1})  // one row
    ->Args({64, 64, 2, 1, 0})
    ->Args({8, 64, 64, 0, 0})
    ->Args({8, 64, 64, 0, 1})
    ->Args({64, 64, 8, 1, 0})
    ->Args({8, 10, 64, 0, 0})
    ->Args({8, 64, 10, 0, 1})
    ->Args({64, 10, 8, 1, 0});

constexpr AttentionShape attention{2, 128, 4, 32};

void attention_forward_bench(benchmark::State& state) {
  const auto qkv = values(attention.sequences * attention.context * 3 * attention.width());
  std::vector<float> y(qkv.size() / 3), log_sums(attention.sequences * attention.heads * attention.context);
  for (auto _ : state) attention_forward(attention, qkv.data(), y.data(), log_sums.data());
  count_flops(state, attention.flops());
}
BENCHMARK(attention_forward_bench)->Name("attention_forward");

void attention_backward_bench(benchmark::State& state) {
  const auto qkv = values(attention.sequences * attention.context * 3 * attention.width());
  std::vector<float> y(qkv.size() / 3), log_sums(attention.sequences * attention.heads * attention.context);
  std::vector<float> dqkv(qkv.size());
  attention_forward(attention, qkv.data(), y.data(), log_sums.data());
  const auto dy = y;
  for (auto _ : state)
    attention_backward(attention, qkv.data(), y.data(), log_sums.data(), dy.data(), dqkv.data());
  count_flops(state, 2.5 * attention.flops());
}
BENCHMARK(attention_backward_bench)->Name("attention_backward");

void convolution_bench(benchmark::State& state) {  // LeNet's second layer
  const ConvolutionShape shape{16, 6, 14, 14, 16, 5, 0, 1};
  const auto x = values(shape.images * shape.channels * shape.height * shape.width),
             w = values(shape.filters * shape.taps()), b = values(shape.filters);
  std::vector<float> y(shape.images * shape.filters * shape.out_height() * shape.out_width());
  for (auto _ : state) convolution_forward(shape, x.data(), w.data(), b.data(), y.data());
  count_flops(state, shape.flops());
}
BENCHMARK(convolution_bench)->Name("convolution_forward");

constexpr RowsShape hidden{256, 512};
constexpr RowsShape stream{256, 128};
constexpr RowsShape logits{256, 256};

/// body(x, y, z) on arrays of the shape's size and one of its columns.
template <class Body>
void elementwise(benchmark::State& state, const RowsShape& shape, const Body& body) {
  const std::int64_t n = shape.rows * shape.columns;
  auto x = values(n), y = values(n), z = values(n);
  const auto row = values(shape.columns);
  for (auto _ : state) {
    body(x.data(), y.data(), z.data(), row.data());
    benchmark::ClobberMemory();
  }
  count_elements(state, n);
}

void relu(benchmark::State& state) {
  elementwise(state, hidden, [](float* x, float*, float*, const float*) { relu_forward(hidden, x); });
}
void gelu(benchmark::State& state) {
  elementwise(state, hidden, [](float* x, float* y, float*, const float*) { gelu_forward(hidden, x, y); });
}
void bias_gelu_gradient(benchmark::State& state) {
  std::vector<float> db(hidden.columns);
  elementwise(state, hidden, [&](float* x, float* y, float* z, const float*) {
    bias_gelu_backward(hidden, x, y, z, db.data());
  });
}
void layer_norm(benchmark::State& state) {
  std::vector<float> statistics(2 * stream.rows);
  elementwise(state, stream, [&](float* x, float* y, float*, const float* row) {
    layer_norm_forward(stream, x, row, row, y, statistics.data());
  });
}
void layer_norm_gradient(benchmark::State& state) {
  std::vector<float> statistics(2 * stream.rows, 1.0F), dgain(stream.columns), dbias(stream.columns);
  elementwise(state, stream, [&](float* x, float* y, float* z, const float* row) {
    layer_norm_backward(stream, x, row, statistics.data(), y, Into::write, z, dgain.data(), dbias.data());
  });
}
void cross_entropy(benchmark::State& state) {
  std::vector<std::int32_t> labels(logits.rows);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i);
  elementwise(state, logits, [&](float* x, float* y, float*, const float*) {
    benchmark::DoNotOptimize(softmax_cross_entropy(logits, x, labels.data(), 1.0 / 256, y));
  });
}
void adamw(benchmark::State& state) {
  std::vector<float> v(hidden.rows * hidden.columns);
  elementwise(state, hidden, [&](float* g, float* m, float* w, const float*) {
    adamw_step({}, 1e-6, 10, 1, hidden.rows * hidden.columns, g, m, v.data(), w);
  });
}
void sgd(benchmark::State& state) {
  elementwise(state, hidden, [&](float* g, float* velocity, float* w, const float*) {
    sgd_step({.momentum = 0.9}, 1e-6, 1, hidden.rows * hidden.columns, g, velocity, w);
  });
}
void squares(benchmark::State& state) {
  elementwise(state, hidden, [&](float* g, float*, float*, const float*) {
    benchmark::DoNotOptimize(sum_of_squares(hidden.rows * hidden.columns, g));
  });
}
BENCHMARK(relu);
BENCHMARK(gelu);
BENCHMARK(bias_gelu_gradient);
BENCHMARK(layer_norm);
BENCHMARK(layer_norm_gradient);
BENCHMARK(cross_entropy);
BENCHMARK(adamw);
BENCHMARK(sgd);
BENCHMARK(squares)->Name("sum_of_squares");

}  // namespace
