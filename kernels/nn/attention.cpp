#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/nn/packed.hpp"

namespace tutti::kernels::nn {
namespace {

/// Columns of scores that the backward pass works on at once, in whole blocks of products.
constexpr std::int64_t strip = block_rows == 8 ? 64 : 48;
static_assert(strip % block_rows == 0 && strip % panel<float> == 0 && strip % panel<double> == 0);

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

/// A row of scores from `seen` on, where a token would see later ones, to n: e^x is 0 there.
template <class T>
void hide(std::int64_t seen, std::int64_t n, T* row) {
  std::fill(row + std::min(seen, n), row + n, -std::numeric_limits<T>::infinity());
}

/// e^(scale score - shift), for a value or each of a vector.
template <class T, class V>
V weight(const V& score, T scale, T shift) {
  const V zero{};
  return exponential(multiply_add(score, zero + scale, zero - shift));
}

/// dot product of n values
template <class T>
T dot(std::int64_t n, const T* a, const T* b) {
  return sum_in_lanes<T>(n, [&](auto at) { return at(a) * at(b); });
}

}  // namespace

// Rows are worked on in the blocks that products consist of, so that little of the half above the diagonal is
// computed and thrown away: the scores of a block's rows, their softmax, its product with v.
template <class T>
void attention_forward(const AttentionShape& s, const T* qkv, T* y, T* log_sums) {
  const std::int64_t width = s.width();
  const std::int64_t columns = whole_panels<T>(s.context);
  const std::int64_t head_columns = whole_panels<T>(s.head_width);
  T* const scores =
      scratch<T>(slot_attention, (block_rows + s.head_width) * columns + s.context * head_columns);
  T* const at_k = scores + block_rows * columns;
  T* const at_v = at_k + s.head_width * columns;
  each_head(s, qkv, [&](std::int64_t n, std::int64_t h, const Head<T>& head) {
    const Packed<T> k = pack<T>(s.head_width, s.context, {head.k, head.stride, true}, at_k);
    const Packed<T> v = pack<T>(s.context, s.head_width, {head.v, head.stride, false}, at_v);
    for (std::int64_t i = 0; i < s.context; i += block_rows) {
      const std::int64_t rows = std::min<std::int64_t>(block_rows, s.context - i);
      const std::int64_t seen = whole_panels<T>(i + rows);
      packed_gemm<T>(rows, seen, 0, s.head_width, {head.q + i * head.stride, head.stride, false}, k,
                     Into::write, scores, columns);
      T top[block_rows];
      T sum[block_rows];
      for (std::int64_t r = 0; r < rows; ++r) {
        hide(i + r + 1, seen, scores + r * columns);
        top[r] = head.scale * greatest(seen, scores + r * columns);
      }
      for (std::int64_t r = 0; r < rows; ++r) {
        T* const row = scores + r * columns;
        sum[r] = sum_in_lanes<T>(seen, [&, shift = top[r]](auto at) {
          const auto value = weight(at(row), head.scale, shift);
          at.set(row, value);
          return value;
        });
      }
      for (std::int64_t r = 0; r < rows; ++r)
        log_sums[(n * s.heads + h) * s.context + i + r] =
            top[r] + static_cast<T>(std::log(static_cast<double>(sum[r])));
      T* const out = y + (n * s.context + i) * width + h * s.head_width;
      packed_gemm<T>(rows, s.head_width, 0, i + rows, {scores, columns, false}, v, Into::write, out, width);
      for (std::int64_t r = 0; r < rows; ++r) {
        const T share = T(1) / sum[r];
        for (std::int64_t d = 0; d < s.head_width; ++d) out[r * width + d] *= share;
      }
    }
  });
}

// With p = softmax(scores): dv = p^T dy, dp = dy v^T, and dscores = p (dp - sum over columns of p dp), where
// that sum is the dot product of dy and y. Strips of columns, and in these, blocks of rows from the diagonal
// down: each adds to dq, and all together give dv and dk of the strip.
template <class T>
void attention_backward(const AttentionShape& s, const T* qkv, const T* y, const T* log_sums, const T* dy,
                        T* dqkv) {
  const std::int64_t width = s.width();
  const std::int64_t stride = 3 * width;
  const std::int64_t head_columns = whole_panels<T>(s.head_width);
  T* const p = scratch<T>(slot_attention, 2 * s.context * (strip + head_columns) +
                                              strip * (2 * s.head_width + head_columns) + s.context);
  T* const ds = p + s.context * strip;
  T* const at_q = ds + s.context * strip;
  T* const at_dout = at_q + s.context * head_columns;
  T* const at_k = at_dout + s.context * head_columns;
  T* const at_k_transposed = at_k + strip * head_columns;
  T* const at_v_transposed = at_k_transposed + strip * s.head_width;
  T* const dots = at_v_transposed + strip * s.head_width;
  each_head(s, qkv, [&](std::int64_t n, std::int64_t h, const Head<T>& head) {
    const T* const out = y + n * s.context * width + h * s.head_width;
    const T* const dout = dy + n * s.context * width + h * s.head_width;
    const T* const log_sum = log_sums + (n * s.heads + h) * s.context;
    T* const dq = dqkv + (head.q - qkv);
    T* const dk = dq + width;
    T* const dv = dk + width;
    for (std::int64_t t = 0; t < s.context; ++t)
      dots[t] = dot(s.head_width, out + t * width, dout + t * width);
    const Packed<T> all_q = pack<T>(s.context, s.head_width, {head.q, stride, false}, at_q);
    const Packed<T> all_dout = pack<T>(s.context, s.head_width, {dout, width, false}, at_dout);
    for (std::int64_t j = 0; j < s.context; j += strip) {
      const std::int64_t columns = std::min(strip, s.context - j);
      const Factor<T> k_factor{head.k + j * stride, stride, false};
      const Packed<T> k = pack<T>(columns, s.head_width, k_factor, at_k);
      const Packed<T> k_transposed =
          pack<T>(s.head_width, columns, {k_factor.values, stride, true}, at_k_transposed);
      const Packed<T> v_transposed =
          pack<T>(s.head_width, columns, {head.v + j * stride, stride, true}, at_v_transposed);
      for (std::int64_t i = j; i < s.context; i += block_rows) {
        const std::int64_t rows = std::min<std::int64_t>(block_rows, s.context - i);
        const std::int64_t seen = std::min(columns, i - j + rows), whole = whole_panels<T>(seen);
        T* const block_p = p + (i - j) * strip;
        T* const block_ds = ds + (i - j) * strip;
        packed_gemm<T>(rows, whole, 0, s.head_width, {head.q + i * stride, stride, false}, k_transposed,
                       Into::write, block_p, strip);
        packed_gemm<T>(rows, whole, 0, s.head_width, {dout + i * width, width, false}, v_transposed,
                       Into::write, block_ds, strip);
        for (std::int64_t r = 0; r < rows; ++r) {
          T* const p_row = block_p + r * strip;
          T* const ds_row = block_ds + r * strip;
          hide(std::min(columns, i - j + r + 1), whole, p_row);
          each_in_lanes<T>(whole, [&](auto at) {
            const auto value = weight(at(p_row), head.scale, log_sum[i + r]);
            at.set(p_row, value);
            at.set(ds_row, head.scale * value * (at(ds_row) - dots[i + r]));
          });
        }
        packed_gemm<T>(rows, s.head_width, 0, seen, {block_ds, strip, false}, k,
                       j == 0 ? Into::write : Into::add, dq + i * stride, stride);
      }
      for (std::int64_t c = 0; c < columns; c += block_rows) {
        const std::int64_t rows = std::min<std::int64_t>(block_rows, columns - c), later = s.context - j - c;
        const std::int64_t diagonal = c * strip + c;
        packed_gemm<T>(rows, s.head_width, j + c, later, {p + diagonal, strip, true}, all_dout, Into::write,
                       dv + (j + c) * stride, stride);
        packed_gemm<T>(rows, s.head_width, j + c, later, {ds + diagonal, strip, true}, all_q, Into::write,
                       dk + (j + c) * stride, stride);
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
