// What the operations of random programs compute: on tiles by kernels, and value by value for the oracle.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "runtime/data/mix.hpp"
#include "runtime/data/replicated.hpp"
#include "runtime/data/sparse_matrix.hpp"

namespace tutti::test {

inline constexpr std::uint64_t outside = 3;  // the boundary value

inline std::uint64_t linear_index(const Index3& n, std::int64_t i, std::int64_t j, std::int64_t k) {
  return static_cast<std::uint64_t>((i * n[1] + j) * n[2] + k);
}

/// Weight of the neighbour at an offset; 0: not read.
inline std::uint64_t weight(std::int64_t di, std::int64_t dj, std::int64_t dk, int radius,
                            bool with_corners) {
  const int away = (di != 0) + (dj != 0) + (dk != 0);
  if (std::max({std::abs(di), std::abs(dj), std::abs(dk)}) > radius || (!with_corners && away > 1)) return 0;
  return static_cast<std::uint64_t>(((di + 5) * 11 + dj + 5) * 11 + dk + 5) * 2 + 1;
}

template <class Read>
inline std::uint64_t halo_value(int radius, bool with_corners, int dimensions, const Read& read) {
  const int r0 = dimensions > 2 ? radius : 0;
  const int r1 = dimensions > 1 ? radius : 0;
  std::uint64_t sum = 0;
  for (int di = -r0; di <= r0; ++di)
    for (int dj = -r1; dj <= r1; ++dj)
      for (int dk = -radius; dk <= radius; ++dk)
        if (const std::uint64_t w = weight(di, dj, dk, radius, with_corners)) sum += w * read(di, dj, dk);
  return mix(sum);
}

inline std::uint64_t blend_value(std::uint64_t a, std::uint64_t b, std::uint64_t s, std::int64_t step) {
  return mix(a + 3 * b + 5 * s + 7 * static_cast<std::uint64_t>(step));
}
inline std::uint64_t fold_value(std::uint64_t s, double real) {
  return mix(s + std::bit_cast<std::uint64_t>(real));
}
inline double real_value(std::uint64_t v) { return static_cast<double>(v % 100003) * 1e-3 - 17.0; }

inline std::vector<TileId> tiles_read(int function, std::uint32_t count, TileId t) {
  const std::uint32_t v = t.value;
  switch (function) {
    case 0:
      return {TileId{(v + count - 1) % count}, t, TileId{(v + 1) % count}};
    case 1:
      return {TileId{(v * 7 + 3) % count}};
    case 2:
      return v % 2 ? std::vector<TileId>{} : std::vector<TileId>{TileId{count - 1 - v}, TileId{v / 2}};
    case 3:
      return {TileId{0}};
    default:
      return {t};
  }
}

// -- kernels
// --------------------------------------------------------------------------------------------------

struct Mix {
  Index3 extents;
  void operator()(const Task& task, InOut<std::uint64_t> a) const {
    for (std::int64_t i = 0; i < a.extent(0); ++i)
      for (std::int64_t j = 0; j < a.extent(1); ++j)
        for (std::int64_t k = 0; k < a.extent(2); ++k)
          a(i, j, k) = mix(a(i, j, k) +
                           linear_index(extents, task.box.lo[0] + i, task.box.lo[1] + j, task.box.lo[2] + k));
  }
};

template <int Radius, Shape Reach>
struct Halo {
  int dimensions;
  void operator()(In<std::uint64_t, Radius, Reach> a, Out<std::uint64_t> b) const {
    for (std::int64_t i = 0; i < a.extent(0); ++i)
      for (std::int64_t j = 0; j < a.extent(1); ++j)
        for (std::int64_t k = 0; k < a.extent(2); ++k)
          b(i, j, k) = halo_value(
              Radius, Reach == Shape::box, dimensions,
              [&](std::int64_t di, std::int64_t dj, std::int64_t dk) { return a(i + di, j + dj, k + dk); });
  }
};

struct Blend {
  void operator()(In<std::uint64_t> a, std::uint64_t s, std::int64_t step, InOut<std::uint64_t> b) const {
    for (std::int64_t i = 0; i < a.extent(0); ++i)
      for (std::int64_t j = 0; j < a.extent(1); ++j)
        for (std::int64_t k = 0; k < a.extent(2); ++k)
          b(i, j, k) = blend_value(a(i, j, k), b(i, j, k), s, step);
  }
};

template <class V>
inline std::uint64_t total(const V& v) {
  std::uint64_t sum = 0;
  for (std::int64_t i = 0; i < v.extent(0); ++i)
    for (std::int64_t j = 0; j < v.extent(1); ++j)
      for (std::int64_t k = 0; k < v.extent(2); ++k) sum += v(i, j, k);
  return sum;
}

struct Tiles {
  void operator()(const Task& task, Inputs<std::uint64_t> inputs, Out<std::uint64_t> b) const {
    std::uint64_t sum = 1;
    for (const auto& in : inputs) sum = mix(sum + in.tile.value + total(in));
    for (std::int64_t i = 0; i < b.extent(0); ++i)
      for (std::int64_t j = 0; j < b.extent(1); ++j)
        for (std::int64_t k = 0; k < b.extent(2); ++k)
          b(i, j, k) = mix(sum + static_cast<std::uint64_t>(i * 64 + j * 8 + k) + task.tile.value);
  }
};

struct Sum {
  std::uint64_t operator()(In<std::uint64_t> a) const { return total(a); }
};
struct Max {
  std::uint64_t operator()(In<std::uint64_t> a) const {
    std::uint64_t m = 0;
    for (std::int64_t i = 0; i < a.extent(0); ++i)
      for (std::int64_t j = 0; j < a.extent(1); ++j)
        for (std::int64_t k = 0; k < a.extent(2); ++k) m = std::max(m, a(i, j, k));
    return m;
  }
};
struct RealSum {
  double operator()(In<std::uint64_t> a) const {
    double sum = 0;
    for (std::int64_t i = 0; i < a.extent(0); ++i)
      for (std::int64_t j = 0; j < a.extent(1); ++j)
        for (std::int64_t k = 0; k < a.extent(2); ++k) sum += real_value(a(i, j, k));
    return sum;
  }
};

inline std::uint64_t vector_start(int cut, int v, std::int64_t row) {
  return mix(static_cast<std::uint64_t>(1000 * cut + 500 * v + row));
}

struct Multiply {
  void operator()(CsrTile<double> a, Columns<std::uint64_t> x, Out<std::uint64_t> y) const {
    std::vector<std::uint64_t> local(x.own, x.own + a.own_columns);
    local.resize(a.columns);
    x.gather_others(local.data() + a.own_columns);
    for (std::uint32_t i = 0; i < a.rows; ++i) {
      std::uint64_t sum = 1;
      for (std::uint32_t k = a.first[i]; k < a.first[i + 1]; ++k)
        sum += static_cast<std::uint64_t>(a.value[k]) * local[a.column[k]];
      y.data[i] = mix(sum);
    }
  }
};

struct Sweep {
  std::uint64_t operator()(InOut<std::uint64_t> x) const {
    std::uint64_t sum = 0;
    for (std::int64_t i = 0; i < x.extent(2); ++i) {
      x.data[i] = mix(x.data[i] + static_cast<std::uint64_t>(x.box.lo[2] + i));
      sum += x.data[i];
    }
    return sum;
  }
};

struct Gather {
  void operator()(Inputs<std::uint64_t> inputs, Out<std::uint64_t> y) const {
    std::uint64_t sum = 1;
    for (const auto& in : inputs) sum = mix(sum + in.tile.value + total(in));
    for (std::int64_t i = 0; i < y.extent(2); ++i)
      y.data[i] = mix(sum + static_cast<std::uint64_t>(y.box.lo[2] + i));
  }
};

/// Of all values, in their order.
template <class Values>
inline std::uint64_t ordered_hash(const Values& values) {
  std::uint64_t hash = 1;
  for (const std::uint64_t v : values) hash = mix(hash + v);
  return hash;
}

struct Spread {
  void operator()(Whole<std::uint64_t> w, InOut<std::uint64_t> a) const {
    const std::uint64_t hash = ordered_hash(w);
    for (std::int64_t i = 0; i < a.extent(0); ++i)
      for (std::int64_t j = 0; j < a.extent(1); ++j)
        for (std::int64_t k = 0; k < a.extent(2); ++k) a(i, j, k) = mix(a(i, j, k) + hash);
  }
};

struct FoldScalars {
  std::uint64_t operator()(std::uint64_t s, double real) const { return fold_value(s, real); }
};
struct DividedBy {
  std::uint64_t modulus;
  bool operator()(std::uint64_t s) const { return s % modulus == 0; }
};

inline Kernel halo_kernel(int radius, bool with_corners, int dimensions) {
  if (radius == 1)
    return with_corners ? make_kernel("halo1c", Halo<1, Shape::box>{dimensions})
                        : make_kernel("halo1", Halo<1, Shape::faces>{dimensions});
  return with_corners ? make_kernel("halo2c", Halo<2, Shape::box>{dimensions})
                      : make_kernel("halo2", Halo<2, Shape::faces>{dimensions});
}

}  // namespace tutti::test
