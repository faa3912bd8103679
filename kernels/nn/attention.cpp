#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "kernels/nn/gemm_block.hpp"

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

/// Brings near what the next head has beside these rows, while this one is worked on: a few lines at a time,
/// as many as the processor waits for at once. (Beyond the last head this is of no use, and does no harm.)
template <Use use = Use::read, class T>
void fetch_next(const AttentionShape& s, std::int64_t rows, const T* at, std::int64_t stride) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t d = 0; d < s.head_width; d += per_line<T>)
      fetch<use>(at + r * stride + s.head_width + d);
}

/// Rows of scores up to column n: -infinity where the token of row r would see later ones than the first
/// `seen` + r. e^x is 0 there.
template <int R, class T>
void hide(std::int64_t seen, std::int64_t n, T* scores, std::int64_t stride) {
  constexpr int lanes = vector_lanes<T>;
  Vector<T> column;
  for (int l = 0; l < lanes; ++l) column[l] = static_cast<T>(l);
  const Vector<T> never = Vector<T>{} - std::numeric_limits<T>::infinity();
  for (std::int64_t j = seen / lanes * lanes; j < n; j += lanes)
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      T* const at = scores + r * stride + j;
      store(at, column < static_cast<T>(seen + r - j) ? load(at) : never);
    }
}

/// Rows of scores up to column n, in whole vectors, become e^(scale score - top), where top is the greatest
/// scale score of a row: the weights of a softmax but for their sum. The rows are worked on together, so that
/// none waits for its own sum.
template <int R, class T>
void exponentials(T scale, std::int64_t n, T* scores, std::int64_t stride, T* top, T* sum) {
  constexpr int lanes = vector_lanes<T>;
  Vector<T> lane[R];
  for (auto& of_row : lane) of_row = Vector<T>{} - std::numeric_limits<T>::infinity();
  for (std::int64_t j = 0; j < n; j += lanes)
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) lane[r] = greater(lane[r], load(scores + r * stride + j));
  const T in_powers = scale * static_cast<T>(std::numbers::log2e);
  T most[whole_vectors<T>(R)];
  reduce_rows<R, T>(
      lane, [](const auto& a, const auto& b) { return greater(a, b); }, most);
  Vector<T> shift[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    top[r] = scale * most[r];
    shift[r] = Vector<T>{} - in_powers * most[r];
    lane[r] = Vector<T>{};
  }
  for (std::int64_t j = 0; j < n; j += lanes)
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      T* const at = scores + r * stride + j;
      const Vector<T> value = power_of_two(multiply_add(load(at), Vector<T>{} + in_powers, shift[r]));
      store(at, value);
      lane[r] += value;
    }
  reduce_rows<R, T>(
      lane, [](const auto& a, const auto& b) { return a + b; }, sum);
}

/// Rows of scores up to column n, in whole vectors, become p, the weights of their softmax, and those of dp
/// become scale p (dp - dot).
template <int R, class T>
void softmax_backward(T scale, const T* log_sums, const T* dots, std::int64_t n, T* scores, T* dp,
                      std::int64_t stride) {
  constexpr int lanes = vector_lanes<T>;
  const T in_powers = scale * static_cast<T>(std::numbers::log2e);
  Vector<T> shift[R];
  for (int r = 0; r < R; ++r) shift[r] = Vector<T>{} - static_cast<T>(std::numbers::log2e) * log_sums[r];
  for (std::int64_t j = 0; j < n; j += lanes)
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      T* const at = scores + r * stride + j;
      T* const d_at = dp + r * stride + j;
      const Vector<T> p = power_of_two(multiply_add(load(at), Vector<T>{} + in_powers, shift[r]));
      store(at, p);
      store(d_at, scale * p * (load(d_at) - dots[r]));
    }
}

/// to[r] = the dot product of n values of row r of a and of b, `stride` values between rows, for as many rows
/// as fill vectors.
template <int R, class T>
void dot_products(std::int64_t n, const T* a, const T* b, std::int64_t stride, T* to) {
  Vector<T> sum[R] = {};
  each_vector<T>(n, [&](std::int64_t j, const auto& loaded) TUTTI_INLINE {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
      sum[r] = multiply_add(loaded(a + r * stride + j), loaded(b + r * stride + j), sum[r]);
  });
  reduce_rows<R, T>(
      sum, [](const auto& x, const auto& y) { return x + y; }, to);
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
      fetch_next(s, rows, head.q + i * head.stride, head.stride);
      packed_gemm<T>(rows, seen, 0, s.head_width, {head.q + i * head.stride, head.stride, false}, k,
                     Into::write, scores, columns);
      fetch_next(s, rows, head.k + i * head.stride, head.stride);
      T top[block_rows];
      T sum[whole_vectors<T>(block_rows)];
      with_rows<block_rows>(rows, [&](auto r) {
        hide<r>(i + 1, seen, scores, columns);
        exponentials<r>(head.scale, seen, scores, columns, top, sum);
      });
      for (std::int64_t r = 0; r < rows; ++r)
        log_sums[(n * s.heads + h) * s.context + i + r] =
            top[r] + static_cast<T>(std::log(static_cast<double>(sum[r])));
      T* const out = y + (n * s.context + i) * width + h * s.head_width;
      fetch_next(s, rows, head.v + i * head.stride, head.stride);
      fetch_next<Use::write>(s, rows, out, width);
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
  T* const p =
      scratch<T>(slot_attention, 2 * s.context * (strip + head_columns) +
                                     strip * (2 * s.head_width + head_columns) + whole_panels<T>(s.context));
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
    for (std::int64_t t = 0; t < s.context; t += vector_lanes<T>)
      with_rows<vector_lanes<T>>(std::min<std::int64_t>(vector_lanes<T>, s.context - t), [&](auto r) {
        dot_products<r>(s.head_width, out + t * width, dout + t * width, width, dots + t);
      });
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
        const std::int64_t ahead = j == 0 ? rows : 0;
        fetch_next(s, ahead, head.q + i * stride, stride);
        fetch_next(s, ahead, head.k + i * stride, stride);
        packed_gemm<T>(rows, whole, 0, s.head_width, {head.q + i * stride, stride, false}, k_transposed,
                       Into::write, block_p, strip);
        fetch_next<Use::write>(s, ahead, dq + i * stride, stride);
        fetch_next(s, ahead, dout + i * width, width);
        packed_gemm<T>(rows, whole, 0, s.head_width, {dout + i * width, width, false}, v_transposed,
                       Into::write, block_ds, strip);
        fetch_next(s, ahead, head.v + i * stride, stride);
        fetch_next(s, ahead, out + i * width, width);
        with_rows<block_rows>(rows, [&](auto r) {
          if (i - j + 1 < columns) hide<r>(i - j + 1, whole, block_p, strip);
          softmax_backward<r>(head.scale, log_sum + i, dots + i, whole, block_p, block_ds, strip);
        });
        fetch_next<Use::write>(s, ahead, dk + i * stride, stride);
        fetch_next<Use::write>(s, ahead, dv + i * stride, stride);
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
