#include "kernels/nn/reference.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tutti::kernels::nn::reference {
namespace {

Values zeros(std::int64_t n) { return Values(static_cast<std::size_t>(n)); }

}  // namespace

Values linear(const LinearShape& s, const Values& x, const Values& w, const Values& b) {
  Values y = zeros(s.rows * s.out);
  for (std::int64_t r = 0; r < s.rows; ++r)
    for (std::int64_t o = 0; o < s.out; ++o) {
      double sum = b[o];
      for (std::int64_t i = 0; i < s.in; ++i)
        sum += x[r * s.in + i] * (s.transposed ? w[o * s.in + i] : w[i * s.out + o]);
      y[r * s.out + o] = sum;
    }
  return y;
}

Values relu(const RowsShape& s, const Values& x, const Values& b) {
  Values y = x;
  for (std::int64_t i = 0; i < s.rows * s.columns; ++i) y[i] = std::max(0.0, x[i] + b[i % s.columns]);
  return y;
}

Values gelu(const RowsShape& s, const Values& x, const Values& b) {
  Values y = x;
  for (std::int64_t i = 0; i < s.rows * s.columns; ++i) {
    const double u = x[i] + b[i % s.columns];
    y[i] = 0.5 * u * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (u + 0.044715 * std::pow(u, 3))));
  }
  return y;
}

Values layer_norm(const RowsShape& s, const Values& x, const Values& gain, const Values& bias) {
  Values y = x;
  const auto n = static_cast<double>(s.columns);
  for (std::int64_t r = 0; r < s.rows; ++r) {
    double sum = 0;
    double squares = 0;
    for (std::int64_t c = 0; c < s.columns; ++c) sum += x[r * s.columns + c];
    for (std::int64_t c = 0; c < s.columns; ++c) squares += std::pow(x[r * s.columns + c] - sum / n, 2);
    for (std::int64_t c = 0; c < s.columns; ++c)
      y[r * s.columns + c] =
          gain[c] * (x[r * s.columns + c] - sum / n) / std::sqrt(squares / n + layer_norm_epsilon) + bias[c];
  }
  return y;
}

double cross_entropy(const RowsShape& s, const Values& logits, const Labels& labels) {
  double loss = 0;
  for (std::int64_t r = 0; r < s.rows; ++r) {
    if (labels[r] < 0) continue;
    double sum = 0;
    for (std::int64_t c = 0; c < s.columns; ++c) sum += std::exp(logits[r * s.columns + c]);
    loss -= std::log(std::exp(logits[r * s.columns + labels[r]]) / sum);
  }
  return loss;
}

Values convolution(const ConvolutionShape& s, const Values& x, const Values& w, const Values& b) {
  Values y = zeros(s.images * s.filters * s.out_height() * s.out_width());
  for (std::int64_t n = 0; n < s.images; ++n)
    for (std::int64_t f = 0; f < s.filters; ++f)
      for (std::int64_t i = 0; i < s.out_height(); ++i)
        for (std::int64_t j = 0; j < s.out_width(); ++j) {
          double sum = b[f];
          for (std::int64_t c = 0; c < s.channels; ++c)
            for (std::int64_t p = 0; p < s.kernel; ++p)
              for (std::int64_t q = 0; q < s.kernel; ++q) {
                const std::int64_t row = i * s.stride + p - s.padding;
                const std::int64_t column = j * s.stride + q - s.padding;
                if (row < 0 || row >= s.height || column < 0 || column >= s.width) continue;
                sum += w[((f * s.channels + c) * s.kernel + p) * s.kernel + q] *
                       x[((n * s.channels + c) * s.height + row) * s.width + column];
              }
          y[((n * s.filters + f) * s.out_height() + i) * s.out_width() + j] = sum;
        }
  return y;
}

Values max_pool(const PoolShape& s, const Values& x) {
  Values y = zeros(s.planes * s.out_height() * s.out_width());
  for (std::int64_t n = 0; n < s.planes; ++n)
    for (std::int64_t i = 0; i < s.out_height(); ++i)
      for (std::int64_t j = 0; j < s.out_width(); ++j) {
        double best = -HUGE_VAL;
        for (std::int64_t p = 0; p < s.window; ++p)
          for (std::int64_t q = 0; q < s.window; ++q)
            best = std::max(best, x[(n * s.height + i * s.stride + p) * s.width + j * s.stride + q]);
        y[(n * s.out_height() + i) * s.out_width() + j] = best;
      }
  return y;
}

Values average_pool(const PoolShape& s, const Values& x) {
  Values y = zeros(s.planes * s.out_height() * s.out_width());
  for (std::int64_t n = 0; n < s.planes; ++n)
    for (std::int64_t i = 0; i < s.out_height(); ++i)
      for (std::int64_t j = 0; j < s.out_width(); ++j) {
        double sum = 0;
        for (std::int64_t p = 0; p < s.window; ++p)
          for (std::int64_t q = 0; q < s.window; ++q)
            sum += x[(n * s.height + i * s.stride + p) * s.width + j * s.stride + q];
        y[(n * s.out_height() + i) * s.out_width() + j] = sum / static_cast<double>(s.window * s.window);
      }
  return y;
}

Values embedding(const EmbeddingShape& s, const Labels& tokens, const Values& token, const Values& position) {
  Values x = zeros(s.sequences * s.context * s.width);
  for (std::int64_t i = 0; i < s.sequences * s.context; ++i)
    for (std::int64_t c = 0; c < s.width; ++c)
      x[i * s.width + c] = token[tokens[i] * s.width + c] + position[i % s.context * s.width + c];
  return x;
}

Values attention(const AttentionShape& s, const Values& qkv) {
  Values y = zeros(s.sequences * s.context * s.width());
  const auto value = [&](std::int64_t n, std::int64_t t, int part, std::int64_t h, std::int64_t d) {
    return qkv[((n * s.context + t) * 3 + part) * s.width() + h * s.head_width + d];
  };
  for (std::int64_t n = 0; n < s.sequences; ++n)
    for (std::int64_t h = 0; h < s.heads; ++h)
      for (std::int64_t t = 0; t < s.context; ++t) {
        Values weight;
        double sum = 0;
        for (std::int64_t u = 0; u <= t; ++u) {
          double score = 0;
          for (std::int64_t d = 0; d < s.head_width; ++d)
            score += value(n, t, 0, h, d) * value(n, u, 1, h, d);
          weight.push_back(std::exp(score / std::sqrt(static_cast<double>(s.head_width))));
          sum += weight.back();
        }
        for (std::int64_t d = 0; d < s.head_width; ++d)
          for (std::int64_t u = 0; u <= t; ++u)
            y[(n * s.context + t) * s.width() + h * s.head_width + d] +=
                weight[u] / sum * value(n, u, 2, h, d);
      }
  return y;
}

}  // namespace tutti::kernels::nn::reference
