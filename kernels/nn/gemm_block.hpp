// The inner parts of our own products: blocks of c that stay in registers, and transpositions in registers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "kernels/nn/packed.hpp"

namespace tutti::kernels::nn {

constexpr std::int64_t k_block = 256;  // rows of b between two visits to c: sums are added to c in this order

/// The compiler is to have the value in a register, not to load it again for each use.
template <class T>
Vector<T> kept(Vector<T> v) {
#if defined(__AVX__)
  asm("" : "+x"(v));
#endif
  return v;
}

/// R rows and V vectors of a product.
template <int R, int V, class T>
using Sums = Vector<T>[R][V];

/// sum = a's R rows times k_count <= k_block rows of b that are `b_step` apart. Value (r, k) of a is
/// a[k step + r] where a is Columns, else a[r step + k]. Of a Part, the last vector has only `last` columns,
/// and nothing beyond them is touched.
template <int R, int V, bool Columns, bool Part, class T>
[[gnu::always_inline]] inline void multiply(std::int64_t k_count, const T* a, std::int64_t step, const T* b,
                                            std::int64_t b_step, std::int64_t last, Sums<R, V, T>& sum) {
  constexpr int lanes = vector_lanes<T>;
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[r][v] = Vector<T>{};
  for (std::int64_t k = 0; k < k_count; ++k) {
    Vector<T> row[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const T* const at = b + k * b_step + v * lanes;
      row[v] = kept<T>(Part && v == V - 1 ? load_part(at, last) : load(at));
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const T value = Columns ? a[k * step + r] : a[r * step + k];
      const Vector<T> all = value - Vector<T>{};  // in every lane
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[r][v] = multiply_add(all, row[v], sum[r][v]);
    }
  }
}

/// c's block = sum + plus. Of a Part, the last vector has only `last` columns.
template <int R, int V, bool Part, class T>
[[gnu::always_inline]] inline void store_sums(Sums<R, V, T>& sum, const Plus<T>& plus, T* c,
                                              std::int64_t stride, std::int64_t last) {
  constexpr int lanes = vector_lanes<T>;
  const auto part = [](int v) TUTTI_INLINE { return Part && v == V - 1; };
  const auto add_row = [&](int r, const T* from) TUTTI_INLINE {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v)
      sum[r][v] += part(v) ? load_part(from + v * lanes, last) : load(from + v * lanes);
  };
  if (plus.matrix != nullptr)
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) add_row(r, plus.matrix + r * plus.stride);
  if (plus.row != nullptr)
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) add_row(r, plus.row);
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      T* const at = c + r * stride + v * lanes;
      if (part(v))
        store_part(at, sum[r][v], last);
      else
        store(at, sum[r][v]);
    }
}

/// c's block = that product + plus.
template <int R, int V, bool Columns, bool Part, class T>
[[gnu::always_inline]] inline void block(std::int64_t k_count, const T* a, std::int64_t step, const T* b,
                                         std::int64_t b_step, const Plus<T>& plus, T* c, std::int64_t stride,
                                         std::int64_t last = 0) {
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) fetch<Use::write>(c + r * stride);
  Sums<R, V, T> sum;
  multiply<R, V, Columns, Part>(k_count, a, step, b, b_step, last, sum);
  store_sums<R, V, Part>(sum, plus, c, stride, last);
}

/// body(rows) with `rows` <= R as a constant.
template <int R, class Body>
[[gnu::always_inline]] inline void with_rows(std::int64_t rows, const Body& body) {
  if constexpr (R > 1)
    if (rows < R) return with_rows<R - 1>(rows, body);
  body(std::integral_constant<int, R>{});
}

/// m rows in blocks of about the same height, at most `most`: body(constant height, first row).
template <int most = block_rows, class Body>
[[gnu::always_inline]] inline void each_block(std::int64_t m, const Body& body) {
  const std::int64_t blocks = (m + most - 1) / most;
  const std::int64_t low = m / std::max<std::int64_t>(blocks, 1), high = m - low * blocks;
  for (std::int64_t n = 0, i = 0; n < blocks; ++n) {
    const std::int64_t rows = low + (n < high ? 1 : 0);
    with_rows<most>(rows, [&](auto r) TUTTI_INLINE { body(r, i); });
    i += rows;
  }
}

/// Values in 16 bytes, within which processors shuffle best.
template <class T>
constexpr int group = 16 / static_cast<int>(sizeof(T));
template <class T, int n>
struct Values {
  using Type [[gnu::vector_size(n * sizeof(T))]] = T;
};

/// `count` groups, the first from `from` and each of the others `step` values on.
template <class T, int count>
[[gnu::always_inline]] inline auto load_groups(const T* from, std::int64_t step) {
  if constexpr (count == 1) {
    typename Values<T, group<T>>::Type v;
    std::memcpy(&v, from, sizeof v);
    return v;
  } else {
    const auto low = load_groups<T, count / 2>(from, step);
    const auto high = load_groups<T, count / 2>(from + count / 2 * step, step);
    return [&]<std::size_t... P>(std::index_sequence<P...>) {
      return __builtin_shufflevector(low, high, P...);
    }
    (std::make_index_sequence<count * group<T>>{});
  }
}

/// One shuffle: value p of the result is value Pick{}(p) of a's, followed by b's.
template <class T, class Pick, std::size_t... P>
[[gnu::always_inline]] inline Vector<T> shuffled(const Vector<T>& a, const Vector<T>& b, const Pick& /*pick*/,
                                                 std::index_sequence<P...> /*positions*/) {
  return __builtin_shufflevector(a, b, Pick{}(P)...);
}

/// to[i][r] = from[r stride + i]: a group of columns of as many rows as a vector has values.
template <class T>
[[gnu::always_inline]] inline void load_transposed(const T* from, std::int64_t stride, Vector<T>* to) {
  constexpr std::size_t lanes = vector_lanes<T>, n = group<T>;
  constexpr auto positions = std::make_index_sequence<lanes>{};
  // in each 16 bytes: a0 b0 a1 b1, and what is above them
  constexpr auto low = [](std::size_t p) { return p / n * n + p % n / 2 + p % 2 * lanes; };
  constexpr auto high = [](std::size_t p) { return p / n * n + p % n / 2 + p % 2 * lanes + n / 2; };
  Vector<T> row[n];
#pragma GCC unroll 4
  for (std::size_t l = 0; l < n; ++l)
    row[l] = load_groups<T, lanes / n>(from + l * stride, static_cast<std::int64_t>(n) * stride);
  const Vector<T> a = shuffled<T>(row[0], row[1], low, positions);
  const Vector<T> b = shuffled<T>(row[0], row[1], high, positions);
  if constexpr (n == 2) {
    to[0] = a;
    to[1] = b;
  } else {  // and of these: a0 a1 b0 b1, a2 a3 b2 b3
    constexpr auto first = [](std::size_t p) { return p % 4 < 2 ? p : lanes + p - 2; };
    constexpr auto second = [](std::size_t p) { return p % 4 < 2 ? p + 2 : lanes + p; };
    const Vector<T> c = shuffled<T>(row[2], row[3], low, positions);
    const Vector<T> d = shuffled<T>(row[2], row[3], high, positions);
    to[0] = shuffled<T>(a, c, first, positions);
    to[1] = shuffled<T>(a, c, second, positions);
    to[2] = shuffled<T>(b, d, first, positions);
    to[3] = shuffled<T>(b, d, second, positions);
  }
}

/// `rows` and what is missing to whole vectors of them.
template <class T>
constexpr int whole_vectors(int rows) {
  return (rows + vector_lanes<T> - 1) / vector_lanes<T> * vector_lanes<T>;
}

/// Of vectors whose values stand for blocks of 2 `half`: the halves of each block put together by `merge`,
/// a's and then b's in each 16 bytes, or in each block if that is longer.
template <int half, class T, class Merge>
[[gnu::always_inline]] inline Vector<T> merge_halves(const Vector<T>& a, const Vector<T>& b,
                                                     const Merge& merge) {
  constexpr std::size_t lanes = vector_lanes<T>, n = std::max(2 * half, group<T>);
  constexpr auto positions = std::make_index_sequence<lanes>{};
  constexpr auto low = [](std::size_t p) {
    const std::size_t value = p % (n / 2);
    return p / n * n + value / half * (2 * half) + value % half + (p % n < n / 2 ? 0 : lanes);
  };
  constexpr auto high = [](std::size_t p) { return decltype(low){}(p) + half; };
  return merge(shuffled<T>(a, b, low, positions), shuffled<T>(a, b, high, positions));
}

/// Value r is those of rows[r] put together in halves, as reduce_lanes does: of as many rows as a row has
/// values.
template <int half, class T, class Merge>
[[gnu::always_inline]] inline Vector<T> reduce_all(const Vector<T>* rows, const Merge& merge) {
  if constexpr (half == 0) {
    return rows[0];
  } else {
    Vector<T> merged[half];
#pragma GCC unroll 8
    for (int r = 0; r < half; ++r)
      merged[r] = half >= group<T> ? merge_halves<half, T>(rows[r], rows[r + half], merge)
                                   : merge_halves<half, T>(rows[2 * r], rows[2 * r + 1], merge);
    return reduce_all<half / 2, T>(merged, merge);
  }
}

/// to[r] = the values of rows[r] put together by `merge`, for as many rows as fill vectors.
template <int R, class T, class Merge>
[[gnu::always_inline]] inline void reduce_rows(const Vector<T> (&rows)[R], const Merge& merge, T* to) {
  constexpr int lanes = vector_lanes<T>;
  Vector<T> all[whole_vectors<T>(R)] = {};
#pragma GCC unroll 32
  for (int r = 0; r < R; ++r) all[r] = rows[r];
#pragma GCC unroll 8
  for (int first = 0; first < R; first += lanes)
    store(to + first, reduce_all<lanes / 2, T>(all + first, merge));
}

}  // namespace tutti::kernels::nn
