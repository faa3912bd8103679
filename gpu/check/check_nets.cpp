// Every kernel of nets against the host's: the same bits where the device adds in the host's order, else
// near to the host's kernel in float64.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

#include "gpu/check/checks.hpp"
#include "gpu/check/mirror.hpp"
#include "gpu/check/net_arrays.hpp"
#include "kernels/nn/functors.hpp"
#include "kernels/nn/updates.hpp"

namespace tutti::gpu_check {
namespace {

namespace nn = kernels::nn;
using Kind = NetArray::Kind;
using Arrays = std::vector<NetArray>;

NetArray own(std::int64_t elements, double size = 1) { return {.elements = elements, .size = size}; }
NetArray positive(std::int64_t elements) { return {.elements = elements, .positive = true}; }
NetArray group(std::int64_t elements) { return {.kind = Kind::whole, .elements = elements}; }
NetArray numbers(std::int64_t elements, std::int64_t low, std::int64_t high) {
  return {.kind = Kind::numbers, .elements = elements, .low = low, .high = high};
}

/// How far the device may be off float64, relative to the greatest value of an array.
struct Tolerance {
  double relative;
  static Tolerance exact() { return {0}; }
};
/// Sums in another order than the host's, and another e^x.
constexpr Tolerance rounding{1e-5};

std::string percent_of(double error, double allowed) {
  char text[64];
  std::snprintf(text, sizeof text, "off by %.2g of the greatest value, %.2g allowed", error, allowed);
  return text;
}

/// " 3x4x5"
std::string sizes(std::initializer_list<std::int64_t> extents) {
  std::string text;
  for (const std::int64_t extent : extents) {
    text += text.empty() ? ' ' : 'x';
    text += std::to_string(extent);
  }
  return text;
}

/// Runs the kernel on both sides: what it writes, and the values it returns.
class Comparison {
 public:
  Comparison(Bench& bench, const Kernel& single, const Kernel& wide, const Arrays& arrays,
             const NetParts& parts)
      : bench_(bench),
        single_(single),
        wide_(wide),
        seed_(bench.random()),
        here_(single, arrays, parts, seed_),
        there_(wide, arrays, parts, seed_),
        results_(parts.count) {
    Mirror mirror(bench.device, bench.stream);
    for (const auto& v : here_.values()) mirror.add(v);
    for (const auto& v : here_.numbers()) mirror.add(v);
    for (const auto& v : here_.scalars()) mirror.add(v);
    mirror.add(results_);
    const auto prepared = bench.device.prepare(mirror.launch(single, here_.parts(), results_));
    bench.device.launch(*prepared, bench.stream);
    bench.device.synchronize();
    for (std::size_t i = 0; i < here_.values().size(); ++i)
      device_.push_back(single.parameters[i].mode == Mode::read ? std::vector<float>{}
                                                                : mirror.fetch(here_.values()[i]));
    device_results_ = mirror.fetch(results_);
  }

  void report(const std::string& title, const Tolerance& tolerance) {
    if (tolerance.relative == 0) return report_bits(title);
    const auto results = there_.run(wide_);
    double worst = 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < device_.size(); ++i) {
      const auto& expected = there_.values()[i];
      double greatest = 0;
      for (const double v : expected) greatest = std::max(greatest, std::fabs(v));
      for (std::size_t k = 0; k < device_[i].size(); ++k) add(worst, device_[i][k], expected[k], greatest);
      count += device_[i].size();
    }
    if (wide_.result.size_bytes > 0)
      for (std::size_t p = 0; p < results.size(); ++p, ++count) {
        const double expected = number(results[p]);
        add(worst, number(device_results_[p]), expected, std::fabs(expected));
      }
    bench_.report.check(title, worst <= tolerance.relative,
                        std::to_string(count) + " values, " + percent_of(worst, tolerance.relative));
  }

 private:
  void report_bits(const std::string& title) {
    const auto results = here_.run(single_);
    std::size_t count = 0, other = 0;
    for (std::size_t i = 0; i < device_.size(); ++i)
      for (std::size_t k = 0; k < device_[i].size(); ++k, ++count)
        other += std::memcmp(&device_[i][k], &here_.values()[i][k], sizeof(float)) != 0 ? 1 : 0;
    if (single_.result.size_bytes > 0)
      for (std::size_t p = 0; p < results.size(); ++p, ++count)
        other += results[p] != device_results_[p] ? 1 : 0;
    bench_.report.check(title, other == 0,
                        other == 0
                            ? std::to_string(count) + " values, the host's bits"
                            : std::to_string(other) + " of " + std::to_string(count) + " values differ");
  }
  static double number(std::uint64_t bits) {
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  /// A NaN is as far off as can be.
  static void add(double& worst, double value, double expected, double greatest) {
    const double off = std::fabs(value - expected) / std::max(greatest, 1e-30);
    worst = off <= worst ? worst : std::isnan(off) ? INFINITY : off;
  }

  Bench& bench_;
  const Kernel& single_;
  const Kernel& wide_;
  std::uint64_t seed_;
  NetSide<float> here_;
  NetSide<double> there_;
  std::vector<std::uint64_t> results_;
  std::vector<std::vector<float>> device_;  // by parameter; empty where it is only read
  std::vector<std::uint64_t> device_results_;
};

/// `single` and `wide` are the same kernel in float32 and float64.
void compare_nets(Bench& bench, const std::string& name, const Kernel& single, const Kernel& wide,
                  const Arrays& arrays, const NetParts& parts, const Tolerance& tolerance) {
  const std::string title = bench.bodies + " " + name;
  if (!bench.device.has_body(single)) {
    bench.report.left_out(title, "kernel '" + name + "' runs on the host");
    return;
  }
  Comparison(bench, single, wide, arrays, parts).report(title, tolerance);
}

/// F<float> and F<double>, made from the same members.
template <template <class> class F, class... Members>
void compare_functors(Bench& bench, const std::string& name, const Arrays& arrays, const NetParts& parts,
                      const Tolerance& tolerance, const Members&... members) {
  compare_nets(bench, name, make_kernel(name, F<float>{members...}), make_kernel(name, F<double>{members...}),
               arrays, parts, tolerance);
}

template <class T>
using ReluBackward = nn::ActivatedBackward<T, nn::Activation::relu>;
template <class T>
using ReluBackwardFirst = nn::ActivatedBackwardFirst<T, nn::Activation::relu>;
template <class T>
using GeluBackward = nn::ActivatedBackward<T, nn::Activation::gelu>;
template <class T>
using GeluBackwardFirst = nn::ActivatedBackwardFirst<T, nn::Activation::gelu>;

/// One dense layer in all its forms.
void check_dense(Bench& bench, const nn::LinearShape& shape) {
  const std::int64_t weights = shape.in * shape.out, all = weights + shape.out + 64;
  const nn::LinearPlace at{shape, 32, 32 + weights}, without{shape, 32, -1};
  const std::int64_t in = shape.rows * shape.in, out = shape.rows * shape.out;
  const Tolerance near{bench.product_tolerance};
  const NetParts parts{static_cast<std::size_t>(bench.between(1, 3))};
  const std::string size = sizes({shape.rows, shape.in, shape.out});
  const Arrays plain{own(in), group(all), own(out)};
  const Arrays back{own(in), own(out), group(all), own(all), own(in)};
  const Arrays activated{own(in), own(out, 2), own(out), group(all), own(all), own(in)};
  compare_functors<nn::LinearForward>(bench, "linear" + size, plain, parts, near, at);
  compare_functors<nn::LinearForward>(bench, "linear without bias" + size, plain, parts, near, without);
  compare_functors<nn::LinearReluForward>(bench, "linear_relu" + size, plain, parts, near, at);
  compare_functors<nn::LinearGeluForward>(bench, "linear_gelu" + size,
                                          {own(in), group(all), own(out), own(out)}, parts, near, at);
  compare_functors<nn::LinearResidualForward>(bench, "linear_residual" + size,
                                              {own(in), group(all), own(out), own(out)}, parts, near, at);
  compare_functors<nn::LinearBackward>(bench, "linear_back" + size, back, parts, near, at);
  compare_functors<nn::LinearBackwardFirst>(bench, "linear_back_first" + size, {own(in), own(out), own(all)},
                                            parts, near, at);
  compare_functors<ReluBackward>(bench, "linear_relu_back" + size, activated, parts, near, at);
  compare_functors<ReluBackwardFirst>(bench, "linear_relu_back_first" + size,
                                      {own(in), own(out), own(out), own(all)}, parts, near, at);
  compare_functors<GeluBackward>(bench, "linear_gelu_back" + size, activated, parts, near, at);
  compare_functors<GeluBackwardFirst>(bench, "linear_gelu_back_first" + size,
                                      {own(in), own(out, 2), own(out), own(all)}, parts, near, at);
  nn::LinearPlace tied = without;
  tied.shape.transposed = true;
  compare_functors<nn::LinearForward>(bench, "linear, tied" + size, plain, parts, near, tied);
  compare_functors<nn::LinearBackward>(bench, "linear_back, tied" + size, back, parts, near, tied);
}

void check_rows(Bench& bench, const nn::RowsShape& shape) {
  const std::int64_t n = shape.rows * shape.columns, all = 2 * shape.columns + 16;
  const nn::LayerNormPlace at{shape, 16, 16 + shape.columns};
  const NetParts parts{3};
  const std::string size = sizes({shape.rows, shape.columns});
  const Arrays back{own(n), positive(2 * shape.rows), own(n), group(all), own(all), own(n)};
  compare_functors<nn::LayerNormForward>(
      bench, "layer_norm" + size, {own(n), group(all), own(n), own(2 * shape.rows)}, parts, rounding, at);
  compare_functors<nn::LayerNormBackward>(bench, "layer_norm_back" + size, back, parts, rounding, at);
  compare_functors<nn::LayerNormBackwardAdd>(bench, "layer_norm_back, adds" + size, back, parts, rounding,
                                             at);
  const Arrays loss{numbers(shape.rows, -1, shape.columns), own(n, 5)};
  compare_functors<nn::CrossEntropy>(bench, "cross_entropy" + size, loss, parts, rounding, shape,
                                     3.0 * static_cast<double>(shape.rows));
  compare_functors<nn::LossOfRows>(bench, "validation_loss" + size, loss, parts, rounding, shape);
  compare_functors<nn::CountCorrect>(bench, "correct" + size, loss, parts, Tolerance::exact(), shape);
}

void check_attention(Bench& bench, const nn::AttentionShape& shape) {
  const std::int64_t rows = shape.sequences * shape.context, n = rows * shape.width();
  const std::string size = sizes({shape.sequences, shape.context, shape.heads, shape.head_width});
  const NetParts parts{2};
  const Tolerance near{bench.product_tolerance};
  compare_functors<nn::AttentionForward>(bench, "attention" + size,
                                         {own(3 * n), own(n), own(rows * shape.heads)}, parts, near, shape);
  compare_functors<nn::AttentionBackward>(bench, "attention_back" + size,
                                          {own(3 * n), own(n), own(rows * shape.heads), own(n), own(3 * n)},
                                          parts, near, shape);
}

void check_embedding(Bench& bench, const nn::EmbeddingShape& shape) {
  const std::int64_t rows = shape.sequences * shape.context, n = rows * shape.width;
  const std::int64_t tokens = shape.vocabulary * shape.width, all = tokens + shape.context * shape.width;
  const nn::EmbeddingPlace at{shape, 0, tokens};
  compare_functors<nn::EmbeddingForward>(bench, "embedding",
                                         {numbers(rows, 0, shape.vocabulary), group(all), own(n)}, {2},
                                         Tolerance::exact(), at);
  compare_functors<nn::EmbeddingBackward>(bench, "embedding_back",
                                          {numbers(rows, 0, shape.vocabulary), own(n), own(all)}, {2},
                                          Tolerance::exact(), at);
}

void check_images(Bench& bench, const nn::ConvolutionShape& shape) {
  const std::int64_t x = shape.images * shape.channels * shape.height * shape.width;
  const std::int64_t pixels = shape.out_height() * shape.out_width();
  const std::int64_t y = shape.images * shape.filters * pixels, weights = shape.filters * shape.taps();
  const nn::ConvolutionPlace at{shape, 8, 8 + weights};
  const std::int64_t all = 8 + weights + shape.filters;
  compare_functors<nn::ConvolutionReluForward>(bench, "convolution_relu", {own(x), group(all), own(y)}, {2},
                                               rounding, at);
  compare_functors<nn::ConvolutionReluBackward>(bench, "convolution_relu_back",
                                                {own(x), own(y), own(y), group(all), own(all), own(x)}, {2},
                                                rounding, at);
  compare_functors<nn::ConvolutionReluBackwardFirst>(bench, "convolution_relu_back_first",
                                                     {own(x), own(y), own(y), own(all)}, {2}, rounding, at);
  for (const std::int64_t stride : {2, 1}) {
    const nn::PoolShape pool{shape.images * shape.filters, shape.out_height(), shape.out_width(), 2, stride};
    const std::int64_t out = pool.planes * pool.out_height() * pool.out_width();
    const std::string name = " with stride " + std::to_string(stride);
    compare_functors<nn::MaxPoolForward>(bench, "max_pool" + name, {own(y), own(out)}, {2},
                                         Tolerance::exact(), pool);
    compare_functors<nn::MaxPoolBackward>(bench, "max_pool_back" + name, {own(y), own(out), own(y)}, {2},
                                          Tolerance::exact(), pool);
  }
}

/// Segments of a group whose gradients come from `shards` shards.
void check_updates(Bench& bench, std::uint32_t shards) {
  const std::int64_t n = bench.between(3000, 5000);
  const NetParts parts{3, {0, 1500, 1504, n}};
  std::vector<ShardRange> leaves;
  for (std::uint32_t s = 0; s < shards; ++s) leaves.push_back({s, s + 1});
  const ShardTree tree({0, shards}, leaves);
  const std::string of = " of " + std::to_string(shards) + " shards";
  const NetArray terms{.kind = Kind::terms, .elements = n, .count = shards};
  const NetArray segment{.kind = Kind::segment, .elements = n};
  const NetArray squares{.kind = Kind::segment, .elements = n, .positive = true};
  const NetArray first{.kind = Kind::scalar, .low = bench.between(0, 100)};
  compare_nets(bench, "partial_sum" + of, make_kernel("partial_sum", PartialSum<float>{{tree}, 3, n}),
               make_kernel("partial_sum", PartialSum<double>{{tree}, 3, n}), {terms, segment}, parts,
               Tolerance::exact());
  const std::vector<nn::Stretch> stretches{{0, 700, 0.1}, {700, 900, 0}, {900, n, 0.1}};
  const nn::RateSchedule rate{.peak = 0.01, .last = 0.1, .warm_up = 20, .steps = 80};
  const auto update = [&]<class T>(T) {
    nn::Update<T> all{{tree, true}, {}, rate};
    all.stretches = stretches;
    return all;
  };
  compare_nets(bench, "sgd" + of, make_kernel("sgd", nn::SgdUpdate<float>{update(0.0F), 0.9}),
               make_kernel("sgd", nn::SgdUpdate<double>{update(0.0), 0.9}), {terms, first, segment, segment},
               parts, Tolerance::exact());
  compare_nets(bench, "adamw" + of, make_kernel("adamw", nn::AdamWUpdate<float>{update(0.0F)}),
               make_kernel("adamw", nn::AdamWUpdate<double>{update(0.0)}),
               {terms, first, segment, squares, segment}, parts, rounding);
}

}  // namespace

void check_products(Bench& bench) {
  check_dense(bench, {bench.between(1, 200), bench.between(1, 150), bench.between(1, 150)});
  check_dense(bench, {128, 96, 160});
  check_attention(bench, {2, bench.between(1, 200), 3, bench.between(1, 32)});
  check_attention(bench, {1, bench.between(65, 200), 2, 64});
  check_attention(bench, {1, bench.between(65, 130), 1, bench.between(65, 128)});
}

void check_nets(Bench& bench) {
  check_rows(bench, {bench.between(1, 300), bench.between(1, 300)});
  check_rows(bench, {64, 256});
  check_embedding(bench, {3, bench.between(1, 200), bench.between(1, 300), 50});
  check_images(bench, {bench.between(1, 4), 3, bench.between(9, 20), bench.between(9, 20), 5, 3, 1, 2});
  check_images(bench, {2, 1, 28, 28, 6, 5, 2, 1});
  check_updates(bench, 1);
  check_updates(bench, static_cast<std::uint32_t>(bench.between(2, 40)));
}

}  // namespace tutti::gpu_check
