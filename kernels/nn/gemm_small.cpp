#include "kernels/nn/gemm_small.hpp"

#include "kernels/nn/gemm_block.hpp"

namespace tutti::kernels::nn {
namespace {

constexpr std::int64_t few_rows = block_rows;       // up to which a transposed b is read where it lies
constexpr std::int64_t some_rows = 6 * block_rows;  // up to which b is read where it lies, however large
constexpr std::int64_t small_values = 4096;         // of b: half of the first-level cache

constexpr int wide_rows = (vector_registers - 5) / 4;  // of blocks of four vectors
constexpr int dot_columns = 4;                         // rows of a transposed b at once,
constexpr int dot_rows = 3;                            // and of a with them

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

/// Sums in lanes of R rows of a times C rows of b, which lie in the direction of k: lane l adds up what is at
/// k = l, l + lanes, ...
template <int R, int C, class T>
[[gnu::noinline]] void sums_in_lanes(std::int64_t k, const T* a, std::int64_t step, const T* b,
                                     std::int64_t b_stride, T (*to)[vector_lanes<T>]) {
  constexpr std::int64_t lanes = vector_lanes<T>;
  Vector<T> sum[R][C] = {};
  each_vector<T>(k, [&](std::int64_t q, const auto& loaded) TUTTI_INLINE {
    Vector<T> row[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) row[r] = kept<T>(loaded(a + r * step + q));
#pragma GCC unroll 4
    for (int i = 0; i < C; ++i) {
      const Vector<T> column = kept<T>(loaded(b + i * b_stride + q));
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) sum[r][i] = multiply_add(row[r], column, sum[r][i]);
    }
  });
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int i = 0; i < C; ++i) store(to[r * lanes + i], sum[r][i]);
}

/// b transposed, R rows of a: values of c as dot products.
template <int R, class T>
void dot_products(std::int64_t n, std::int64_t k, const T* a, std::int64_t step, const T* b,
                  std::int64_t b_stride, const Plus<T>& plus, T* c, std::int64_t stride) {
  constexpr int lanes = vector_lanes<T>;
  constexpr auto sum = [](const auto& x, const auto& y) { return x + y; };
  alignas(vector_bytes) T values[R * lanes][lanes] = {};
  for (std::int64_t j = 0; j < n; j += lanes) {
    const std::int64_t columns = std::min<std::int64_t>(lanes, n - j);
    for (std::int64_t i = 0; i < columns; i += dot_columns)
      with_rows<dot_columns>(std::min<std::int64_t>(dot_columns, columns - i), [&](auto some) TUTTI_INLINE {
        sums_in_lanes<R, some>(k, a, step, b + (j + i) * b_stride, b_stride, values + i);
      });
    for (int r = 0; r < R; ++r) {
      Sums<1, 1, T> row = {{reduce_all<T>(values + r * lanes, sum)}};
      T* const to = c + r * stride + j;
      if (columns == lanes)
        store_sums<1, 1, false>(row, plus.from(r, j), to, stride, 0);
      else
        store_sums<1, 1, true>(row, plus.from(r, j), to, stride, columns);
    }
  }
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
    dot_products<r>(n, k, a.values + i * a.stride, a.stride, b.values, b.stride, plus.from(i, 0),
                    c + i * stride, stride);
  });
}

template void small_product(std::int64_t, std::int64_t, std::int64_t, const Factor<float>&,
                            const Factor<float>&, const Plus<float>&, float*, std::int64_t);
template void small_product(std::int64_t, std::int64_t, std::int64_t, const Factor<double>&,
                            const Factor<double>&, const Plus<double>&, double*, std::int64_t);

}  // namespace tutti::kernels::nn
