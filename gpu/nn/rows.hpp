// Layer norm, softmax with cross-entropy and activations: what the threads of a block do with rows of a
// matrix. A warp has a row. Free of CUDA: see block.hpp.
#pragma once

#include <cmath>
#include <cstdint>

#include "gpu/nn/block.hpp"
#include "gpu/unroll.hpp"

namespace tutti::gpu {

constexpr std::uint32_t warp = 32;
constexpr std::uint32_t rows_of_block = 8;
constexpr std::uint32_t row_threads = rows_of_block * warp;

/// Rows first ... first + rows_of_block, as far as there are `rows`, of `n` values each.
struct BlockRows {
  std::int64_t first;
  std::int64_t rows;
  std::int64_t n;

  TUTTI_DEVICE std::int64_t row(std::uint32_t t) const { return first + t / warp; }
  TUTTI_DEVICE bool has(std::uint32_t t) const { return row(t) < rows; }
  /// f(column) for those of thread t.
  template <class F>
  TUTTI_DEVICE void columns(std::uint32_t t, const F& f) const {
    TUTTI_UNROLL_BY(4)
    for (std::int64_t c = t % warp; c < n; c += warp) f(c);
  }
};

/// A sum over the columns of each row, in all threads of the row: term(row offset, column).
template <class Block, class Term>
TUTTI_DEVICE void row_sums(const Block& block, const BlockRows& at,
                           typename Block::template Private<float>& sum, const Term& term) {
  block.each_alone([&](std::uint32_t t) {
    float mine = 0;
    if (at.has(t)) at.columns(t, [&](std::int64_t c) { mine += term(t, at.row(t) * at.n, c); });
    sum[t] = mine;
  });
  block.template sum<warp>(sum);
}

/// As kernels::nn::layer_norm_forward.
template <class Block>
TUTTI_DEVICE void layer_norm_rows(const Block& block, const BlockRows& at, const float* x, const float* gain,
                                  const float* bias, float epsilon, float* y, float* statistics) {
  typename Block::template Private<float> sum, squares;
  const float share = 1 / static_cast<float>(at.n);
  row_sums(block, at, sum, [&](std::uint32_t, std::int64_t row, std::int64_t c) { return x[row + c]; });
  row_sums(block, at, squares, [&](std::uint32_t t, std::int64_t row, std::int64_t c) {
    const float away = x[row + c] - share * sum[t];
    return away * away;
  });
  block.each_alone([&](std::uint32_t t) {
    if (!at.has(t)) return;
    const float mean = share * sum[t];
    const float rstd = 1 / std::sqrt(share * squares[t] + epsilon);
    const std::int64_t row = at.row(t) * at.n;
    at.columns(t, [&](std::int64_t c) { y[row + c] = gain[c] * ((x[row + c] - mean) * rstd) + bias[c]; });
    if (t % warp == 0) {
      statistics[2 * at.row(t)] = mean;
      statistics[2 * at.row(t) + 1] = rstd;
    }
  });
}

/// dx of kernels::nn::layer_norm_backward: added to what is there, or written.
template <bool adds, class Block>
TUTTI_DEVICE void layer_norm_rows_backward(const Block& block, const BlockRows& at, const float* x,
                                           const float* gain, const float* statistics, const float* dy,
                                           float* dx) {
  typename Block::template Private<float> sum_g, sum_gh;
  const float share = 1 / static_cast<float>(at.n);
  row_sums(block, at, sum_g,
           [&](std::uint32_t, std::int64_t row, std::int64_t c) { return gain[c] * dy[row + c]; });
  row_sums(block, at, sum_gh, [&](std::uint32_t t, std::int64_t row, std::int64_t c) {
    return gain[c] * dy[row + c] * (x[row + c] - statistics[2 * at.row(t)]);
  });
  block.each_alone([&](std::uint32_t t) {
    if (!at.has(t)) return;
    const float mean = statistics[2 * at.row(t)], rstd = statistics[2 * at.row(t) + 1];
    const float mean_g = share * sum_g[t], mean_gh = share * rstd * sum_gh[t];
    const std::int64_t row = at.row(t) * at.n;
    at.columns(t, [&](std::int64_t c) {
      const float h = (x[row + c] - mean) * rstd;
      const float value = rstd * (gain[c] * dy[row + c] - mean_g - h * mean_gh);
      dx[row + c] = adds ? dx[row + c] + value : value;
    });
  });
}

/// As kernels::nn::softmax_cross_entropy on these rows; losses[row of the block] receives each row's. dlogits
/// may be logits, or null where only the loss is wanted.
template <class Block>
TUTTI_DEVICE void cross_entropy_rows(const Block& block, const BlockRows& at, const float* logits,
                                     const std::int32_t* labels, float scale, float* dlogits,
                                     double* losses) {
  typename Block::template Private<float> top, sum, at_label;
  block.each_alone([&](std::uint32_t t) {
    float mine = -INFINITY;
    if (at.has(t))
      at.columns(t, [&](std::int64_t c) {
        const float value = logits[at.row(t) * at.n + c];
        mine = value > mine ? value : mine;
      });
    top[t] = mine;
    // read by all before anybody overwrites it: the sum below joins the threads of a row
    at_label[t] = at.has(t) && labels[at.row(t)] >= 0 ? logits[at.row(t) * at.n + labels[at.row(t)]] : 0;
  });
  block.template greatest<warp>(top);
  row_sums(block, at, sum, [&](std::uint32_t t, std::int64_t row, std::int64_t c) {
    return std::exp(logits[row + c] - top[t]);
  });
  block.each([&](std::uint32_t t) {
    const std::int32_t label = at.has(t) ? labels[at.row(t)] : -1;
    if (t % warp == 0)
      losses[t / warp] = label < 0 ? 0
                                   : std::log(static_cast<double>(sum[t])) -
                                         (static_cast<double>(at_label[t]) - static_cast<double>(top[t]));
    if (!at.has(t) || dlogits == nullptr) return;
    const std::int64_t row = at.row(t) * at.n;
    const float factor = scale / sum[t];
    at.columns(t, [&](std::int64_t c) {
      const float value = std::exp(logits[row + c] - top[t]) * factor - (c == label ? scale : 0.0F);
      dlogits[row + c] = label < 0 ? 0.0F : value;
    });
  });
}

/// How many of these rows have their greatest logit, the first of equal ones, at the label: a term of each
/// row in its first thread.
template <class Block>
TUTTI_DEVICE void correct_rows(const Block& block, const BlockRows& at, const float* logits,
                               const std::int32_t* labels, std::int32_t* correct) {
  typename Block::template Private<std::int32_t> better;
  block.each_alone([&](std::uint32_t t) {
    std::int32_t mine = 0;
    const std::int32_t label = at.has(t) ? labels[at.row(t)] : -1;
    if (label >= 0) {
      const float* row = logits + at.row(t) * at.n;
      at.columns(t, [&](std::int64_t c) { mine += c < label ? row[c] >= row[label] : row[c] > row[label]; });
    }
    better[t] = mine;
  });
  block.template sum<warp>(better);
  block.each([&](std::uint32_t t) {
    if (t % warp == 0) correct[t / warp] = at.has(t) && labels[at.row(t)] >= 0 && better[t] == 0 ? 1 : 0;
  });
}

// ---- activations: as in kernels/nn/activations.cpp ------------------------------------------------------

TUTTI_DEVICE float relu(float u) { return u > 0 ? u : 0.0F; }
TUTTI_DEVICE float relu_backward(float y, float dy) { return y > 0 ? dy : 0.0F; }

/// gelu(u) = u s with s = 1 / (1 + e^-2z), z = sqrt(2 / pi) (u + 0.044715 u^3)
TUTTI_DEVICE float gelu(float u) {
  const float z = 0.79788456080286535588F * u * (1 + 0.044715F * u * u);
  return u / (1 + std::exp(-2 * z));
}
/// dy gelu'(u), with gelu'(u) = s + 2 u s (1 - s) dz/du. Beyond 12, s is 0 or 1 to any precision.
TUTTI_DEVICE float gelu_backward(float at, float dy) {
  float u = at > 12 ? 12.0F : at;
  u = u < -12 ? -12.0F : u;
  const float z = 0.79788456080286535588F * u * (1 + 0.044715F * u * u);
  const float dz = 0.79788456080286535588F * (1 + 3 * 0.044715F * u * u);
  const float s = 1 / (1 + std::exp(-2 * z));
  return dy * (s + 2 * u * s * (1 - s) * dz);
}

// ---- sums of columns ------------------------------------------------------------------------------------

/// A chunk of rows and 32 columns of a block. Two sums at a time: layer norm has two gradients.
constexpr std::uint32_t columns_of_block = 32;
constexpr std::uint32_t sum_threads = 256;
constexpr std::int64_t chunk_rows = 128;
struct Sums {
  float first;
  float second;
};
TUTTI_DEVICE Sums added(const Sums& a, const Sums& b) { return {a.first + b.first, a.second + b.second}; }

/// to[column] = the sums of term(row, column) over rows first_row ... of the chunk: each thread adds every
/// eighth row, in order, and then the eight are added in order. `shared` has sum_threads values.
template <class Block, class Term>
TUTTI_DEVICE void chunk_sums(const Block& block, std::int64_t first_row, std::int64_t rows,
                             std::int64_t first_column, std::int64_t columns, Sums* shared, Sums* to,
                             const Term& term) {
  constexpr std::uint32_t lanes = sum_threads / columns_of_block;
  const std::int64_t end = first_row + chunk_rows < rows ? first_row + chunk_rows : rows;
  block.each([&](std::uint32_t t) {
    const std::int64_t c = first_column + t % columns_of_block;
    Sums mine{0, 0};
    if (c < columns) {
      TUTTI_UNROLL_BY(4)
      for (std::int64_t r = first_row + t / columns_of_block; r < end; r += lanes)
        mine = added(mine, term(r, c));
    }
    shared[t] = mine;
  });
  block.each_alone([&](std::uint32_t t) {
    if (t >= columns_of_block || first_column + t >= columns) return;
    Sums all = shared[t];
    for (std::uint32_t l = 1; l < lanes; ++l) all = added(all, shared[t + l * columns_of_block]);
    to[first_column + t] = all;
  });
}

}  // namespace tutti::gpu
