#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/nn/gemm.hpp"
#include "kernels/nn/simd.hpp"

namespace tutti::kernels::nn {
namespace {

constexpr std::int64_t side = 64;  // rows and columns of a block of scores

/// One head of one sequence: its parts of the arrays, `stride` values between tokens.
template <class T>
struct Head {
  const T* q;
  const T* k;
  const T* v;
  std::int64_t stride;  // of q, k, v
  T scale;              // 1 / sqrt(head width)
};

template <class T, class Body>
void each_head(const AttentionShape& s, const T* qkv, const Body& body) {
  const auto scale = static_cast<T>(1 / std::sqrt(static_cast<double>(s.head_width)));
  for (std::int64_t n = 0; n < s.sequences; ++n)
    for (std::int64_t h = 0; h < s.heads; ++h) {
      const T* const q = qkv + n * s.context * 3 * s.width() + h * s.head_width;
      body(n, h, Head<T>{q, q + s.width(), q + 2 * s.width(), 3 * s.width(), scale});
    }
}

/// scores = q k^T of rows i ... and columns j ..., unscaled; minus infinity where a token would see later
/// ones and in the columns up to `side`, so that rows can be worked on in whole vectors.
template <class T>
void block_scores(const AttentionShape& s, const Head<T>& head, std::int64_t i, std::int64_t rows,
                  std::int64_t j, std::int64_t columns, T* scores) {
  gemm<T>(rows, columns, s.head_width, {head.q + i * head.stride, head.stride, false},
          {head.k + j * head.stride, head.stride, true}, Into::write, scores, side);
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t seen = std::min(columns, i + r - j + 1);
    std::fill(scores + r * side + seen, scores + (r + 1) * side, -std::numeric_limits<T>::infinity());
  }
}

/// dot product of n values
template <class T>
T dot(std::int64_t n, const T* a, const T* b) {
  return sum_in_lanes<T>(n, [&](auto at) { return at(a) * at(b); });
}

}  // namespace

// The online softmax: each row keeps the greatest score so far and the sum of exponentials relative to it;
// what has been added up is scaled down when the greatest grows.
template <class T>
void attention_forward(const AttentionShape& s, const T* qkv, T* y, T* log_sums) {
  T* const scores = scratch<T>(slot_attention, side * side);
  const std::int64_t width = s.width();
  each_head(s, qkv, [&](std::int64_t n, std::int64_t h, const Head<T>& head) {
    for (std::int64_t i = 0; i < s.context; i += side) {
      const std::int64_t rows = std::min(side, s.context - i);
      T* const out = y + (n * s.context + i) * width + h * s.head_width;
      T top[side];
      T sum[side];
      std::fill(top, top + rows, -std::numeric_limits<T>::infinity());
      std::fill(sum, sum + rows, T(0));
      for (std::int64_t j = 0; j <= i; j += side) {
        const std::int64_t columns = std::min(side, s.context - j);
        block_scores(s, head, i, rows, j, columns, scores);
        for (std::int64_t r = 0; r < rows; ++r) {
          T* const row = scores + r * side;
          const T new_top = std::max(top[r], head.scale * greatest(side, row));
          each_in_lanes<T>(side, [&](auto at) { at.set(row, exponential(head.scale * at(row) - new_top)); });
          const T shrink = j == 0 ? T(0) : exponential(top[r] - new_top);
          sum[r] = shrink * sum[r] + sum_in_lanes<T>(side, [&](auto at) { return at(row); });
          top[r] = new_top;
          if (j == 0 || shrink == T(1)) continue;
          for (std::int64_t d = 0; d < s.head_width; ++d) out[r * width + d] *= shrink;
        }
        gemm<T>(rows, s.head_width, columns, {scores, side, false},
                {head.v + j * head.stride, head.stride, false}, j == 0 ? Into::write : Into::add, out, width);
      }
      for (std::int64_t r = 0; r < rows; ++r) {
        const T share = T(1) / sum[r];
        for (std::int64_t d = 0; d < s.head_width; ++d) out[r * width + d] *= share;
        log_sums[(n * s.heads + h) * s.context + i + r] =
            top[r] + static_cast<T>(std::log(static_cast<double>(sum[r])));
      }
    }
  });
}

// With p = softmax(scores): dv = p^T dy, dp = dy v^T, and dscores = p (dp - sum over columns of p dp), where
// that sum is the dot product of dy and y.
template <class T>
void attention_backward(const AttentionShape& s, const T* qkv, const T* y, const T* log_sums, const T* dy,
                        T* dqkv) {
  const std::int64_t width = s.width();
  const std::int64_t stride = 3 * width;
  T* const p = scratch<T>(slot_attention, 2 * side * side + s.context);
  T* const ds = p + side * side;
  T* const dots = ds + side * side;
  each_head(s, qkv, [&](std::int64_t n, std::int64_t h, const Head<T>& head) {
    const T* const out = y + n * s.context * width + h * s.head_width;
    const T* const dout = dy + n * s.context * width + h * s.head_width;
    const T* const log_sum = log_sums + (n * s.heads + h) * s.context;
    T* const dq = dqkv + (head.q - qkv);
    T* const dk = dq + width;
    T* const dv = dk + width;
    for (std::int64_t t = 0; t < s.context; ++t)
      dots[t] = dot(s.head_width, out + t * width, dout + t * width);
    for (std::int64_t j = 0; j < s.context; j += side) {
      const std::int64_t columns = std::min(side, s.context - j);
      for (std::int64_t i = j; i < s.context; i += side) {
        const std::int64_t rows = std::min(side, s.context - i);
        const Into into = i == j ? Into::write : Into::add;
        block_scores(s, head, i, rows, j, columns, p);
        gemm<T>(rows, columns, s.head_width, {dout + i * width, width, false},
                {head.v + j * stride, stride, true}, Into::write, ds, side);
        for (std::int64_t r = 0; r < rows; ++r) {
          T* const p_row = p + r * side;
          T* const ds_row = ds + r * side;
          const T log_row = log_sum[i + r];
          const T dot_row = dots[i + r];
          each_in_lanes<T>(side, [&](auto at) {
            const auto p_values = exponential(head.scale * at(p_row) - log_row);
            at.set(p_row, p_values);
            at.set(ds_row, head.scale * p_values * (at(ds_row) - dot_row));
          });
        }
        gemm<T>(columns, s.head_width, rows, {p, side, true}, {dout + i * width, width, false}, into,
                dv + j * stride, stride);
        gemm<T>(columns, s.head_width, rows, {ds, side, true}, {head.q + i * stride, stride, false}, into,
                dk + j * stride, stride);
        gemm<T>(rows, s.head_width, columns, {ds, side, false}, {head.k + j * stride, stride, false},
                j == 0 ? Into::write : Into::add, dq + i * stride, stride);
      }
    }
  });
}

template void attention_forward(const AttentionShape&, const float*, float*, float*);
template void attention_backward(const AttentionShape&, const float*, const float*, const float*,
                                 const float*, float*);
template void attention_forward(const AttentionShape&, const double*, double*, double*);
template void attention_backward(const AttentionShape&, const double*, const double*, const double*,
                                 const double*, double*);

}  // namespace tutti::kernels::nn
