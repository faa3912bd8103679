#include "kernels/nn/gemm_small.hpp"

#include "kernels/nn/gemm_block.hpp"

namespace tutti::kernels::nn {
namespace {

constexpr std::int64_t few_rows = block_rows;       // up to which b is transposed in registers
constexpr std::int64_t some_rows = 6 * block_rows;  // up to which b is read where it lies, however large
constexpr std::int64_t small_values = 4096;         // of b: half of the first-level cache

constexpr int wide_rows = (vector_registers - 5) / 4;  // of blocks of four vectors

/// V vectors of columns, all rows.
template <int V, bool Columns, bool Part, class T>
void columns(std::int64_t m, std::int64_t k, const T* a, std::int64_t step, const T* b, std::int64_t b_step,
             bool add, T* c, std::int64_t stride, std::int64_t last = 0) {
  each_block<V == 4 ? wide_rows : block_rows>(m, [&](auto r, std::int64_t i) TUTTI_INLINE {
    block<r, V, Columns, Part>(k, a + i * (Columns ? 1 : step), step, b, b_step, add, c + i * stride, stride,
                               last);
  });
}

/// b where it lies. Blocks of few rows are wide, so that enough sums are under way.
template <bool Columns, class T>
void straight(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t step, const T* b,
              std::int64_t b_step, bool add, T* c, std::int64_t stride) {
  constexpr std::int64_t lanes = vector_lanes<T>;
  std::int64_t j = 0;
  if (m <= wide_rows)
    for (; j + 4 * lanes <= n; j += 4 * lanes)
      columns<4, Columns, false>(m, k, a, step, b + j, b_step, add, c + j, stride);
  for (; j + 2 * lanes <= n; j += 2 * lanes)
    columns<2, Columns, false>(m, k, a, step, b + j, b_step, add, c + j, stride);
  if (j + lanes < n)
    columns<2, Columns, true>(m, k, a, step, b + j, b_step, add, c + j, stride, n - j - lanes);
  else if (j < n)
    columns<1, Columns, true>(m, k, a, step, b + j, b_step, add, c + j, stride, n - j);
}

/// R rows and W vectors of columns: rows of b, which are transposed in registers. Of a Part, the last vector
/// has only `last` columns.
template <int R, int W, bool Part, class T>
[[gnu::always_inline]] inline void transposed_block(std::int64_t k, const T* a, std::int64_t step, const T* b,
                                                    std::int64_t b_stride, bool add, T* c,
                                                    std::int64_t stride, std::int64_t last = 0) {
  constexpr int lanes = vector_lanes<T>, n = group<T>;
  Vector<T> sum[W][R] = {};
  const auto add_row = [&](std::int64_t q, const Vector<T>& row, Vector<T>* to) TUTTI_INLINE {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) to[r] = multiply_add(a[r * step + q] - Vector<T>{}, row, to[r]);
  };
  std::int64_t q = 0;
  for (; !Part && q + n <= k; q += n)
#pragma GCC unroll 2
    for (int w = 0; w < W; ++w) {
      Vector<T> rows[n];
      load_transposed(b + w * lanes * b_stride + q, b_stride, rows);
#pragma GCC unroll 4
      for (int p = 0; p < n; ++p) add_row(q + p, rows[p], sum[w]);
    }
  for (; q < k; ++q)
    for (int w = 0; w < W; ++w) {
      Vector<T> row{};
      for (int l = 0; l < (Part ? last : lanes); ++l) row[l] = b[(w * lanes + l) * b_stride + q];
      add_row(q, row, sum[w]);
    }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int w = 0; w < W; ++w) {
      T* const to = c + r * stride + w * lanes;
      if (add) sum[w][r] += Part ? load_part(to, last) : load(to);
      if (Part)
        store_part(to, sum[w][r], last);
      else
        store(to, sum[w][r]);
    }
}

/// b transposed. Two blocks of few rows at a time, so that enough sums are under way.
template <class T>
void transposed(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t step, const T* b,
                std::int64_t b_stride, bool add, T* c, std::int64_t stride) {
  constexpr std::int64_t lanes = vector_lanes<T>;
  each_block<block_rows>(m, [&](auto r, std::int64_t i) TUTTI_INLINE {
    constexpr int pair = 2 * r + group<T> + 2 <= vector_registers ? 2 : 1;
    const T* const from = a + i * step;
    T* const to = c + i * stride;
    std::int64_t j = 0;
    for (; j + pair * lanes <= n; j += pair * lanes)
      transposed_block<r, pair, false>(k, from, step, b + j * b_stride, b_stride, add, to + j, stride);
    if (pair > 1 && j + lanes <= n) {
      transposed_block<r, 1, false>(k, from, step, b + j * b_stride, b_stride, add, to + j, stride);
      j += lanes;
    }
    if (j < n)
      transposed_block<r, 1, true>(k, from, step, b + j * b_stride, b_stride, add, to + j, stride, n - j);
  });
}

}  // namespace

bool is_small(std::int64_t m, std::int64_t n, std::int64_t k, bool a_transposed, bool b_transposed) {
  return b_transposed ? !a_transposed && m <= few_rows : m <= some_rows || n * k <= small_values;
}

template <class T>
void small_product(std::int64_t m, std::int64_t n, std::int64_t k, const Factor<T>& a, const Factor<T>& b,
                   bool add, T* c, std::int64_t stride) {
  if (!b.transposed) {
    if (a.transposed)
      straight<true>(m, n, k, a.values, a.stride, b.values, b.stride, add, c, stride);
    else
      straight<false>(m, n, k, a.values, a.stride, b.values, b.stride, add, c, stride);
    return;
  }
  transposed(m, n, k, a.values, a.stride, b.values, b.stride, add, c, stride);
}

template void small_product(std::int64_t, std::int64_t, std::int64_t, const Factor<float>&,
                            const Factor<float>&, bool, float*, std::int64_t);
template void small_product(std::int64_t, std::int64_t, std::int64_t, const Factor<double>&,
                            const Factor<double>&, bool, double*, std::int64_t);

}  // namespace tutti::kernels::nn
