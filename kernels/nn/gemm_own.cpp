// Our own product: panels of b are packed, and blocks of c stay in registers (Goto and van de Geijn, Anatomy
// of high-performance matrix multiplication, TOMS 2008).
#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/nn/gemm_block.hpp"
#include "kernels/nn/gemm_small.hpp"
#include "kernels/nn/packed.hpp"

namespace tutti::kernels::nn {
namespace {

constexpr std::int64_t m_block = 24 * block_rows;  // rows of a between two passes over its values
constexpr std::int64_t n_block = 512;

// Up to so many rows a is passed over once: then these few panels are packed right before, and stay in the
// nearest cache.
constexpr std::int64_t rows_at_once = 2 * m_block;
constexpr std::int64_t near_panels = 4;

/// A function of its own: the compiler keeps sums in registers only where loops are few.
template <int R, bool Columns, class T>
[[gnu::noinline]] void whole_block(std::int64_t k_count, const T* a, std::int64_t step, const T* b,
                                   const Plus<T>& plus, T* c, std::int64_t stride) {
  block<R, 2, Columns, false>(k_count, a, step, b, panel<T>, plus, c, stride);
}

template <bool Columns, class T>
void block_of(std::int64_t rows, std::int64_t k_count, const T* a, std::int64_t step, const T* b,
              const Plus<T>& plus, T* c, std::int64_t stride) {
  with_rows<block_rows>(rows, [&](auto r) TUTTI_INLINE {
    block<r, 2, Columns, false>(k_count, a, step, b, panel<T>, plus, c, stride);
  });
}

/// A block whose columns are fewer than a panel's.
template <bool Columns, class T>
void narrow_block(std::int64_t rows, std::int64_t columns, std::int64_t k_count, const T* a,
                  std::int64_t step, const T* b, const Plus<T>& plus, T* c, std::int64_t stride) {
  T whole[block_rows * panel<T>];
  block_of<Columns>(rows, k_count, a, step, b, {}, whole, panel<T>);
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t j = 0; j < columns; ++j) c[r * stride + j] = plus.sum(whole[r * panel<T> + j], r, j);
}

/// `wide` columns of a panel from a transposed factor.
template <class T>
void pack_transposed(const T* from, std::int64_t stride, std::int64_t k_count, std::int64_t wide, T* to) {
  constexpr std::int64_t lanes = vector_lanes<T>, n = group<T>;
  for (std::int64_t l = 0; l < wide; l += lanes) {
    const std::int64_t high = std::min(lanes, wide - l);
    std::int64_t q = 0;
    for (; high == lanes && q + n <= k_count; q += n) {
      if (q % per_line<T> == 0 && l + 2 * lanes <= wide) {
#pragma GCC unroll 16
        for (std::int64_t r = lanes; r < 2 * lanes; ++r) fetch(from + (l + r) * stride + q);
      }
      Vector<T> rows[n];
      load_transposed(from + l * stride + q, stride, rows);
#pragma GCC unroll 4
      for (std::int64_t p = 0; p < n; ++p) store(to + (q + p) * panel<T> + l, rows[p]);
    }
    for (; q < k_count; ++q)
      for (std::int64_t r = l; r < l + high; ++r) to[q * panel<T> + r] = from[r * stride + q];
  }
}

/// `count` whole panels from side by side. Rows come from far away, and lines of a row are fetched together:
/// a few panels at a time, which stay in the first-level cache.
template <class T>
void pack_panels(const T* from, std::int64_t stride, std::int64_t k_count, std::int64_t count, T* to) {
  constexpr std::int64_t group = 4, ahead = 16;
  const std::int64_t step = k_count * panel<T>;
  for (; count > 0; count -= group, from += group * panel<T>, to += group * step) {
    const std::int64_t panels = std::min(group, count);
    for (std::int64_t q = 0; q < k_count; ++q)
      for (std::int64_t p = 0; p < panels; ++p) {
        fetch(from + (q + ahead) * stride + p * panel<T>);
        std::memcpy(to + p * step + q * panel<T>, from + q * stride + p * panel<T>, panel<T> * sizeof(T));
      }
  }
}

/// Rows k ... k + k_count and columns j ... of b as panels, [k][panel] each, filled up with zeros.
template <class T>
void pack_b(const Factor<T>& b, std::int64_t k, std::int64_t k_count, std::int64_t j, std::int64_t columns,
            T* to) {
  const std::int64_t whole = columns / panel<T>, rest = columns % panel<T>;
  T* const last = to + whole * panel<T> * k_count;
  if (rest > 0) std::fill(last, last + k_count * panel<T>, T(0));
  if (b.transposed) {
    const T* from = b.values + j * b.stride + k;
    for (std::int64_t first = 0; first < columns; first += panel<T>, from += panel<T> * b.stride)
      pack_transposed(from, b.stride, k_count, std::min(panel<T>, columns - first), to + first * k_count);
  } else {
    const T* const from = b.values + k * b.stride + j;
    pack_panels(from, b.stride, k_count, whole, to);
    for (std::int64_t q = 0; q < k_count && rest > 0; ++q)
      std::copy(from + q * b.stride + whole * panel<T>, from + q * b.stride + columns, last + q * panel<T>);
  }
}

/// Rows i ... of a transposed factor a, [k][block_rows] each. Columns of what is stored, whose next lines
/// come from far away and in no order that the processor would foresee.
template <class T>
void pack_a(const Factor<T>& a, std::int64_t k, std::int64_t k_count, std::int64_t i, std::int64_t rows,
            T* to) {
  for (std::int64_t first = 0; first < rows; first += block_rows, to += k_count * block_rows) {
    const std::int64_t high = std::min<std::int64_t>(block_rows, rows - first);
    const T* from = a.values + k * a.stride + i + first;
    for (std::int64_t q = 0; q < k_count; ++q) {
      fetch(from + q * a.stride + per_line<T>);
      if (high == block_rows)
        std::memcpy(to + q * block_rows, from + q * a.stride, block_rows * sizeof(T));
      else
        std::copy(from + q * a.stride, from + q * a.stride + high, to + q * block_rows);
    }
  }
}

template <class T>
void fetch_rows(std::int64_t rows, std::int64_t count, const T* a, std::int64_t step) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t k = 0; k < count; k += per_line<T>) fetch(a + r * step + k);
}

/// c's rows of one block of a, `block_step` values from one to the next block_rows rows, against panels of b,
/// `panel_step` values apart.
template <bool Columns, class T>
void panels(std::int64_t rows, std::int64_t columns, std::int64_t k_count, const T* a, std::int64_t step,
            std::int64_t block_step, const T* b, std::int64_t panel_step, const Plus<T>& plus, T* c,
            std::int64_t stride) {
  for (std::int64_t j = 0; j < columns; j += panel<T>, b += panel_step) {
    const std::int64_t wide = std::min(panel<T>, columns - j);
    const T* from = a;
    for (std::int64_t i = 0; i < rows; i += block_rows, from += block_step) {
      const std::int64_t high = std::min<std::int64_t>(block_rows, rows - i);
      T* to = c + i * stride + j;
      if (j == 0 && !Columns)  // the next block's, which no panel has read yet
        fetch_rows(std::min<std::int64_t>(block_rows, rows - i - high), k_count, from + block_step, step);
      if (wide == panel<T>)
        block_of<Columns>(high, k_count, from, step, b, plus.from(i, j), to, stride);
      else
        narrow_block<Columns>(high, wide, k_count, from, step, b, plus.from(i, j), to, stride);
    }
  }
}

/// At most block_rows rows of c against panels of b, `b_rows` rows each.
template <bool Columns, class T>
void row_of_blocks(std::int64_t rows, std::int64_t n, std::int64_t k, const Factor<T>& a, const T* b,
                   std::int64_t b_rows, const Plus<T>& plus, T* c, std::int64_t stride) {
  with_rows<block_rows>(rows, [&](auto r) TUTTI_INLINE {
    std::int64_t j = 0;
    for (; j + panel<T> <= n; j += panel<T>, b += b_rows * panel<T>)
      whole_block<r, Columns>(k, a.values, a.stride, b, plus.from(0, j), c + j, stride);
    if (j < n) narrow_block<Columns>(rows, n - j, k, a.values, a.stride, b, plus.from(0, j), c + j, stride);
  });
}

/// The factor from row i and column j on.
template <class T>
Factor<T> part(const Factor<T>& f, std::int64_t i, std::int64_t j) {
  return {f.values + (f.transposed ? j * f.stride + i : i * f.stride + j), f.stride, f.transposed};
}

}  // namespace

template <class T>
void own_gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Factor<T>& a, const Factor<T>& b,
              const Plus<T>& plus, T* c, std::int64_t stride) {
  const Plus<T> so_far{c, stride};  // of rows of b before q
  if (k <= 0 || is_small(m, n, k, a.transposed, b.transposed)) {
    std::int64_t q = 0;
    do  // the same order of sums as below
      small_product(m, n, std::min(k_block, k - q), part(a, 0, q), part(b, q, 0), q > 0 ? so_far : plus, c,
                    stride);
    while ((q += k_block) < k);
    return;
  }
  const bool once = m <= rows_at_once;
  const std::int64_t m_step = once ? rows_at_once : m_block;
  const std::int64_t n_step = once ? near_panels * panel<T> : n_block;
  T* const packed_b = scratch<T>(slot_pack_b, whole_panels<T>(std::min(n, n_step)) * std::min(k, k_block));
  T* const packed_a = a.transposed ? scratch<T>(slot_pack_a, m_step * std::min(k, k_block)) : nullptr;
  for (std::int64_t q = 0; q < k; q += k_block) {
    const std::int64_t k_count = std::min(k_block, k - q);
    const std::int64_t panel_step = k_count * panel<T>;
    for (std::int64_t j = 0; j < n; j += n_step) {
      const std::int64_t columns = std::min(n_step, n - j);
      pack_b(b, q, k_count, j, columns, packed_b);
      for (std::int64_t i = 0; i < m; i += m_step) {
        const std::int64_t rows = std::min(m_step, m - i);
        const Plus<T> more = (q > 0 ? so_far : plus).from(i, j);
        T* const to = c + i * stride + j;
        if (!a.transposed) {
          panels<false>(rows, columns, k_count, a.values + i * a.stride + q, a.stride, block_rows * a.stride,
                        packed_b, panel_step, more, to, stride);
        } else if (n <= panel<T>) {  // read once
          panels<true>(rows, columns, k_count, a.values + q * a.stride + i, a.stride, block_rows, packed_b,
                       panel_step, more, to, stride);
        } else {
          if (j == 0 || !once) pack_a(a, q, k_count, i, rows, packed_a);
          panels<true>(rows, columns, k_count, packed_a, block_rows, k_count * block_rows, packed_b,
                       panel_step, more, to, stride);
        }
      }
    }
  }
}

template <class T>
Packed<T> pack(std::int64_t k, std::int64_t n, const Factor<T>& b, T* to) {
  pack_b(b, 0, k, 0, n, to);
  return {to, k};
}

template <class T>
void packed_gemm(std::int64_t m, std::int64_t n, std::int64_t first, std::int64_t k, const Factor<T>& a,
                 const Packed<T>& b, Into into, T* c, std::int64_t stride) {
  if (a.transposed)
    row_of_blocks<true>(m, n, k, a, b.values + first * panel<T>, b.rows, plus(into, c, stride), c, stride);
  else
    row_of_blocks<false>(m, n, k, a, b.values + first * panel<T>, b.rows, plus(into, c, stride), c, stride);
}

template Packed<float> pack(std::int64_t, std::int64_t, const Factor<float>&, float*);
template Packed<double> pack(std::int64_t, std::int64_t, const Factor<double>&, double*);
template void packed_gemm(std::int64_t, std::int64_t, std::int64_t, std::int64_t, const Factor<float>&,
                          const Packed<float>&, Into, float*, std::int64_t);
template void packed_gemm(std::int64_t, std::int64_t, std::int64_t, std::int64_t, const Factor<double>&,
                          const Packed<double>&, Into, double*, std::int64_t);
template void own_gemm(std::int64_t, std::int64_t, std::int64_t, const Factor<float>&, const Factor<float>&,
                       const Plus<float>&, float*, std::int64_t);
template void own_gemm(std::int64_t, std::int64_t, std::int64_t, const Factor<double>&, const Factor<double>&,
                       const Plus<double>&, double*, std::int64_t);

}  // namespace tutti::kernels::nn
