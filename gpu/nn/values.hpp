// Embedding, convolution, pooling and optimisers: what a thread does for one value. Free of CUDA. Sums are
// formed in the host's order where one thread forms them.
#pragma once

#include <cmath>
#include <cstdint>

#include "gpu/nn/block.hpp"
#include "kernels/nn/nn.hpp"
#include "kernels/nn/pool_window.hpp"

namespace tutti::gpu {

namespace nn = kernels::nn;

// ---- embedding ------------------------------------------------------------------------------------------

TUTTI_DEVICE float embedded(const nn::EmbeddingShape& s, const std::int32_t* tokens, const float* token,
                            const float* position, std::int64_t i) {
  const std::int64_t row = i / s.width, c = i % s.width;
  return token[tokens[row] * s.width + c] + position[row % s.context * s.width + c];
}

/// Of value i of the positions' gradient.
TUTTI_DEVICE float position_gradient(const nn::EmbeddingShape& s, const float* dx, std::int64_t i) {
  float sum = 0;
  for (std::int64_t n = 0; n < s.sequences; ++n) sum += dx[n * s.context * s.width + i];
  return sum;
}

constexpr std::uint32_t token_threads = 256;
/// Where a block notes which rows of a stretch have its token.
struct TokenRows {
  std::uint32_t of_warp[token_threads / 32];
  std::uint32_t count;
  std::uint32_t rows[token_threads];
};

/// Adds the rows of dx whose token is `token` to its gradient, in order: columns first, first + token_threads
/// ... by all threads of the block.
template <class Block>
TUTTI_DEVICE void add_token_gradient(const Block& block, const nn::EmbeddingShape& s,
                                     const std::int32_t* tokens, std::int32_t token,
                                     std::int64_t first_column, const float* dx, float* dtoken,
                                     TokenRows& shared) {
  const std::int64_t rows = s.sequences * s.context;
  typename Block::template Private<float> sum;
  typename Block::template Private<std::uint32_t> before;  // matches of the warp, up to this thread
  block.each_alone([&](std::uint32_t t) {
    const std::int64_t c = first_column + t;
    sum[t] = c < s.width ? dtoken[token * s.width + c] : 0;
  });
  for (std::int64_t from = 0; from < rows; from += token_threads) {
    block.each_alone(
        [&](std::uint32_t t) { before[t] = from + t < rows && tokens[from + t] == token ? 1 : 0; });
    block.sum_up_to(before);
    block.each([&](std::uint32_t t) {
      if (t % 32 == 31) shared.of_warp[t / 32] = before[t];
    });
    block.each([&](std::uint32_t t) {
      std::uint32_t at = before[t];
      for (std::uint32_t w = 0; w < t / 32; ++w) at += shared.of_warp[w];
      if (from + t < rows && tokens[from + t] == token) shared.rows[at - 1] = t;
      if (t == token_threads - 1) shared.count = at;
    });
    block.each([&](std::uint32_t t) {
      const std::int64_t c = first_column + t;
      if (c >= s.width) return;
      for (std::uint32_t m = 0; m < shared.count; ++m) sum[t] += dx[(from + shared.rows[m]) * s.width + c];
    });
  }
  block.each_alone([&](std::uint32_t t) {
    const std::int64_t c = first_column + t;
    if (c < s.width) dtoken[token * s.width + c] = sum[t];
  });
}

// ---- convolution ----------------------------------------------------------------------------------------

/// y value i, before the bias.
TUTTI_DEVICE float convolved(const nn::ConvolutionShape& s, const float* x, const float* w, std::int64_t i) {
  const std::int64_t out_width = s.out_width(), out_height = s.out_height();
  const std::int64_t j = i % out_width, row = i / out_width % out_height;
  const std::int64_t f = i / out_width / out_height % s.filters, n = i / out_width / out_height / s.filters;
  float sum = 0;
  for (std::int64_t c = 0; c < s.channels; ++c)
    for (std::int64_t p = 0; p < s.kernel; ++p)
      for (std::int64_t q = 0; q < s.kernel; ++q) {
        const std::int64_t y = row * s.stride + p - s.padding, z = j * s.stride + q - s.padding;
        if (y >= 0 && y < s.height && z >= 0 && z < s.width)
          sum = std::fma(w[((f * s.channels + c) * s.kernel + p) * s.kernel + q],
                         x[((n * s.channels + c) * s.height + y) * s.width + z], sum);
      }
  return sum;
}

/// dx value i: over the outputs that its value went into.
TUTTI_DEVICE float convolved_back(const nn::ConvolutionShape& s, const float* dy, const float* w,
                                  std::int64_t i) {
  const std::int64_t z = i % s.width, y = i / s.width % s.height;
  const std::int64_t c = i / s.width / s.height % s.channels, n = i / s.width / s.height / s.channels;
  float sum = 0;
  for (std::int64_t p = 0; p < s.kernel; ++p) {
    const std::int64_t row = y + s.padding - p;
    if (row < 0 || row % s.stride != 0 || row / s.stride >= s.out_height()) continue;
    for (std::int64_t q = 0; q < s.kernel; ++q) {
      const std::int64_t column = z + s.padding - q;
      if (column < 0 || column % s.stride != 0 || column / s.stride >= s.out_width()) continue;
      for (std::int64_t f = 0; f < s.filters; ++f)
        sum = std::fma(
            w[((f * s.channels + c) * s.kernel + p) * s.kernel + q],
            dy[((n * s.filters + f) * s.out_height() + row / s.stride) * s.out_width() + column / s.stride],
            sum);
    }
  }
  return sum;
}

/// The term of output `pixel` (of all images) in the gradient of weight `tap` (of all filters).
TUTTI_DEVICE float weight_term(const nn::ConvolutionShape& s, const float* x, const float* dy,
                               std::int64_t tap, std::int64_t pixel) {
  const std::int64_t q = tap % s.kernel, p = tap / s.kernel % s.kernel;
  const std::int64_t c = tap / s.kernel / s.kernel % s.channels, f = tap / s.taps();
  const std::int64_t j = pixel % s.out_width(), i = pixel / s.out_width() % s.out_height();
  const std::int64_t n = pixel / s.out_width() / s.out_height();
  const std::int64_t y = i * s.stride + p - s.padding, z = j * s.stride + q - s.padding;
  if (y < 0 || y >= s.height || z < 0 || z >= s.width) return 0;
  return x[((n * s.channels + c) * s.height + y) * s.width + z] *
         dy[((n * s.filters + f) * s.out_height() + i) * s.out_width() + j];
}

// ---- pooling --------------------------------------------------------------------------------------------

/// The first greatest value of the window of output `out`: its place in x.
TUTTI_DEVICE std::int64_t greatest_of_window(const nn::PoolShape& s, const float* x, std::int64_t out) {
  const std::int64_t j = out % s.out_width(), i = out / s.out_width() % s.out_height();
  return nn::first_greatest(
      s, x, (out / s.out_width() / s.out_height() * s.height + i * s.stride) * s.width + j * s.stride);
}

/// dx value i: what the windows that chose it give it, in order.
TUTTI_DEVICE float pooled_back(const nn::PoolShape& s, const float* x, const float* dy, std::int64_t i) {
  const std::int64_t z = i % s.width, y = i / s.width % s.height, plane = i / s.width / s.height;
  // windows a with a stride <= y < a stride + window
  const std::int64_t low_a = y < s.window ? 0 : (y - s.window) / s.stride + 1;
  const std::int64_t low_b = z < s.window ? 0 : (z - s.window) / s.stride + 1;
  float sum = 0;
  for (std::int64_t a = low_a; a < s.out_height() && a * s.stride <= y; ++a)
    for (std::int64_t b = low_b; b < s.out_width() && b * s.stride <= z; ++b) {
      const std::int64_t out = (plane * s.out_height() + a) * s.out_width() + b;
      if (greatest_of_window(s, x, out) == i) sum += dy[out];
    }
  return sum;
}

// ---- optimisers: as in kernels/nn/optimisers.cpp --------------------------------------------------------

/// As RateSchedule::at.
struct Rate {
  double peak;
  double last;
  std::int64_t warm_up;
  std::int64_t steps;
};
TUTTI_DEVICE double rate_at(const Rate& r, std::int64_t step) {
  if (step < r.warm_up) return r.peak * static_cast<double>(step + 1) / static_cast<double>(r.warm_up);
  if (r.last == 1 || r.steps <= r.warm_up) return r.peak;
  const double done = static_cast<double>(step - r.warm_up) / static_cast<double>(r.steps - r.warm_up);
  const double part = done < 1 ? done : 1;
  return r.peak * (r.last + (1 - r.last) * (1 + std::cos(3.14159265358979323846 * part)) / 2);
}

/// What all values of a stretch share in a step.
struct SgdFactors {
  float rate;
  float momentum;
  float decay;
};
TUTTI_DEVICE void sgd_value(const SgdFactors& f, float gradient, float& velocity, float& w) {
  velocity = f.momentum * velocity + (gradient + f.decay * w);
  w -= f.rate * velocity;
}

struct AdamWFactors {
  float beta1, rest1, beta2, rest2, epsilon;
  float rate;
  float unbias2;
  float keep;
};
TUTTI_DEVICE AdamWFactors adamw_factors(const nn::AdamW& a, double rate, std::int64_t step) {
  const auto count = static_cast<double>(step);
  return {static_cast<float>(a.beta1),
          static_cast<float>(1 - a.beta1),
          static_cast<float>(a.beta2),
          static_cast<float>(1 - a.beta2),
          static_cast<float>(a.epsilon),
          static_cast<float>(rate / (1 - std::pow(a.beta1, count))),
          static_cast<float>(1 / (1 - std::pow(a.beta2, count))),
          static_cast<float>(1 - rate * a.weight_decay)};
}
TUTTI_DEVICE void adamw_value(const AdamWFactors& f, float gradient, float& m, float& v, float& w) {
  m = f.beta1 * m + f.rest1 * gradient;
  v = f.beta2 * v + f.rest2 * gradient * gradient;
  w = f.keep * w - f.rate * m / (std::sqrt(f.unbias2 * v) + f.epsilon);
}

}  // namespace tutti::gpu
