#include "kernels/nn/gemm_small.hpp"

#include <bit>

#include "kernels/nn/gemm_block.hpp"

namespace tutti::kernels::nn {
namespace {

constexpr std::int64_t few_rows = block_rows;       // up to which a transposed b is read where it lies
constexpr std::int64_t some_rows = 6 * block_rows;  // up to which b is read where it lies, however large
constexpr std::int64_t small_values = 4096;         // of b: half of the first-level cache

constexpr int wide_rows = (vector_registers - 5) / 4;  // of blocks of four vectors
constexpr int dot_rows = 3;                            // of a, with a transposed b,
template <int R>                                       // and rows of that, with R of a
constexpr int dot_columns = std::bit_floor(static_cast<unsigned>(vector_registers - R - 1) / R);

/// V vectors of columns, all rows.
template <int V, bool Columns, bool Part, class T>
void columns(std::int64_t m, std::int64_t k, const T* a, std::int64_t step, const T* b, std::int64_t b_step,
             const Plus<T>& plus, T* c, std::int64_t stride, std::int64_t last = 0) {
  each_block<V == 4 ? wide_rows : block_rows>(m, [&](auto r, std::int64_t i) TUTTI_INLINE {
    block<r, V, Columns, Part>(k, a + i * (Columns ? 1 : step), step, b, b_step, plus.from(i, 0),
                               c + i * stride, stride, last);
  });
}

/// b where it lies. Blocks of few rows are wide, so that enough sums are under way.
template <bool Columns, class T>
void straight(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t step, const T* b,
              std::int64_t b_step, const Plus<T>& plus, T* c, std::int64_t stride) {
  constexpr std::int64_t lanes = vector_lanes<T>;
  std::int64_t j = 0;
  if (m <= wide_rows)
    for (; j + 4 * lanes <= n; j += 4 * lanes)
      columns<4, Columns, false>(m, k, a, step, b + j, b_step, plus.from(0, j), c + j, stride);
  for (; j + 2 * lanes <= n; j += 2 * lanes)
    columns<2, Columns, false>(m, k, a, step, b + j, b_step, plus.from(0, j), c + j, stride);
  if (j + lanes < n)
    columns<2, Columns, true>(m, k, a, step, b + j, b_step, plus.from(0, j), c + j, stride, n - j - lanes);
  else if (j < n)
    columns<1, Columns, true>(m, k, a, step, b + j, b_step, plus.from(0, j), c + j, stride, n - j);
}

/// b transposed, R rows of a: values of c as dot products, C of each row at once.
template <int R, int C, class T>
[[gnu::noinline]] void dot_products(std::int64_t n, std::int64_t k, const T* a, std::int64_t step, const T* b,
                                    std::int64_t b_stride, const Plus<T>& plus, T* c, std::int64_t stride) {
  alignas(vector_bytes) T dots[whole_vectors<T>(R * C)];
  std::int64_t j = 0;
  for (; j + C <= n; j += C, b += C * b_stride) {
    Vector<T> sum[R * C] = {};
    each_vector<T>(k, [&](std::int64_t q, const auto& loaded) TUTTI_INLINE {
      Vector<T> row[R];
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) row[r] = kept<T>(loaded(a + r * step + q));
#pragma GCC unroll 16
      for (int i = 0; i < C; ++i) {
        const Vector<T> column = kept<T>(loaded(b + i * b_stride + q));
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) sum[r * C + i] = multiply_add(row[r], column, sum[r * C + i]);
      }
    });
    reduce_rows<R * C, T>(
        sum, [](const auto& x, const auto& y) { return x + y; }, dots);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int i = 0; i < C; ++i) c[r * stride + j + i] = plus.sum(dots[r * C + i], r, j + i);
  }
  if constexpr (C > 1)
    if (j < n) dot_products<R, 1>(n - j, k, a, step, b, b_stride, plus.from(0, j), c + j, stride);
}

}  // namespace

bool is_small(std::int64_t m, std::int64_t n, std::int64_t k, bool a_transposed, bool b_transposed) {
  return b_transposed ? !a_transposed && m <= few_rows : m <= some_rows || n * k <= small_values;
}

template <class T>
void small_product(std::int64_t m, std::int64_t n, std::int64_t k, const Factor<T>& a, const Factor<T>& b,
                   const Plus<T>& plus, T* c, std::int64_t stride) {
  if (!b.transposed) {
    if (a.transposed)
      straight<true>(m, n, k, a.values, a.stride, b.values, b.stride, plus, c, stride);
    else
      straight<false>(m, n, k, a.values, a.stride, b.values, b.stride, plus, c, stride);
    return;
  }
  each_block<dot_rows>(m, [&](auto r, std::int64_t i) TUTTI_INLINE {
    dot_products<r, dot_columns<r>>(n, k, a.values + i * a.stride, a.stride, b.values, b.stride,
                                    plus.from(i, 0), c + i * stride, stride);
  });
}

template void small_product(std::int64_t, std::int64_t, std::int64_t, const Factor<float>&,
                            const Factor<float>&, const Plus<float>&, float*, std::int64_t);
template void small_product(std::int64_t, std::int64_t, std::int64_t, const Factor<double>&,
                            const Factor<double>&, const Plus<double>&, double*, std::int64_t);

}  // namespace tutti::kernels::nn
