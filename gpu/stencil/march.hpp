// Stencils in 2.5 dimensions: each thread has two neighbouring cells of a row and marches through the planes
// of dimension 0. What it needs of the planes below and above its own cells stays in registers; the
// neighbours within the plane come from the first-level cache, into which the threads next to it have just
// brought them. So each value is read from memory once (but for the edges of blocks), with accesses of 16
// bytes.
//
// The arithmetic is the cell functor's of kernels/stencil, given pairs instead of doubles: the same
// operations in the same order, the same bits. Free of CUDA: what a thread does is a function of its place,
// so a host can play all threads one after the other (tests/unit/gpu_threads.cpp).
#pragma once

#include <cstdint>

#include "gpu/unroll.hpp"
#include "kernels/stencil/functors.hpp"
#include "runtime/data/view.hpp"

namespace tutti::gpu {

/// Two cells, read and written together.
struct alignas(16) Pair {
  double x, y;
};
TUTTI_FUNCTION inline Pair operator+(Pair a, Pair b) { return {a.x + b.x, a.y + b.y}; }
TUTTI_FUNCTION inline Pair operator-(Pair a, Pair b) { return {a.x - b.x, a.y - b.y}; }
TUTTI_FUNCTION inline Pair operator*(double a, Pair b) { return {a * b.x, a * b.y}; }

TUTTI_FUNCTION inline Pair load_pair(const double* from) { return *reinterpret_cast<const Pair*>(from); }

/// Extents of a field's box and the distances between its planes and rows, in cells.
struct Field3 {
  double* data;
  std::int64_t stride0, stride1;
};

/// Where a thread works: cells k and k + 1 of row j, planes [first, last).
struct MarchPlace {
  std::int64_t first, last, j, k;
};
constexpr std::uint32_t march_threads_k = 32, march_threads_j = 8;
constexpr std::int64_t march_cells_k = 2 * march_threads_k;

/// How many planes a block marches through: as many as leave each multiprocessor `blocks_wanted` blocks in
/// all, but at least 16, since the planes before and behind them are read twice.
inline std::int64_t march_depth(std::int64_t n0, std::int64_t n1, std::int64_t n2,
                                std::int64_t blocks_wanted) {
  const std::int64_t columns =
      ((n2 + march_cells_k - 1) / march_cells_k) * ((n1 + march_threads_j - 1) / march_threads_j);
  const std::int64_t pieces = (blocks_wanted + columns - 1) / columns;
  const std::int64_t depth = (n0 + pieces - 1) / pieces;
  return depth > 16 ? depth : 16;
}

/// The place of thread (tk, tj) of block (bk, bj, bi).
TUTTI_FUNCTION inline MarchPlace march_place(std::uint32_t bk, std::uint32_t bj, std::uint32_t bi,
                                             std::uint32_t tk, std::uint32_t tj, std::int64_t depth,
                                             std::int64_t n0) {
  const std::int64_t first = bi * depth;
  return {first, first + depth < n0 ? first + depth : n0, std::int64_t{bj} * march_threads_j + tj,
          std::int64_t{bk} * march_cells_k + 2 * tk};
}

namespace detail_march {

/// What a cell functor that reads faces is given. column[P + a] is the pair `a` planes away; segment[R + c]
/// the value c cells along the row from the first of the pair.
template <int P, int R>
struct FacesAt {
  const Pair* column;
  const double* segment;
  const double* plane;  // the pair's place in its plane
  std::int64_t stride1;
  TUTTI_FUNCTION Pair operator()(std::int64_t a, std::int64_t b, std::int64_t c) const {
    if (a != 0) return column[P + a];
    if (b != 0) return load_pair(plane + b * stride1);
    return {segment[R + c], segment[R + c + 1]};
  }
};

/// The values k - R ... k + 1 + R of a row; `here` is the pair at k.
template <int R>
TUTTI_FUNCTION void load_segment(const double* row, Pair here, double* segment) {
  segment[R] = here.x;
  segment[R + 1] = here.y;
  if constexpr (R % 2 == 0) {
    for (int m = 2; m <= R; m += 2) {
      const Pair west = load_pair(row - m), east = load_pair(row + m);
      segment[R - m] = west.x;
      segment[R - m + 1] = west.y;
      segment[R + m] = east.x;
      segment[R + m + 1] = east.y;
    }
  } else {
    static_assert(R == 1);
    segment[0] = row[-1];
    segment[3] = row[2];
  }
}

/// The values around a pair in one plane: at[b + 1][c + 1], and one more for the second cell of the pair.
struct Around {
  double at[3][4];
};

/// What a cell functor that reads a box of radius 1 is given: the planes below, of and above the pair.
struct BoxAt {
  const Around* plane;
  TUTTI_FUNCTION Pair operator()(std::int64_t a, std::int64_t b, std::int64_t c) const {
    return {plane[a + 1].at[b + 1][c + 1], plane[a + 1].at[b + 1][c + 2]};
  }
};

TUTTI_FUNCTION inline Around load_around(const double* plane, std::int64_t stride1) {
  Around values;
  TUTTI_UNROLL
  for (int b = 0; b < 3; ++b) {
    const double* row = plane + (b - 1) * stride1;
    const Pair here = load_pair(row);
    values.at[b][0] = row[-1];
    values.at[b][1] = here.x;
    values.at[b][2] = here.y;
    values.at[b][3] = row[2];
  }
  return values;
}

template <class Cell>
inline constexpr bool replaces = requires(const Cell& c, const kernels::CellAt& at) {
  c(at, 1.0);
};

/// The new value; wave cells also take the one that they replace.
template <class Cell, class At>
TUTTI_FUNCTION Pair evaluate(const Cell& cell, const At& at, const double* old) {
  if constexpr (replaces<Cell>)
    return cell(at, load_pair(old));
  else
    return cell(at);
}

}  // namespace detail_march

/// Marches through planes [first, last) at a place whose two cells are both inside the box. store(to, pair)
/// writes; prefetch(from) asks for the value at an address that is read `prefetch_planes` later.
template <class Cell, class Store, class Prefetch>
TUTTI_FUNCTION void march(const Cell& cell, const Field3& u, const Field3& out, const MarchPlace& place,
                          const Store& store, const Prefetch& prefetch) {
  using namespace detail_march;
  constexpr int prefetch_planes = 2;
  const double* from = u.data + place.first * u.stride0 + place.j * u.stride1 + place.k;
  double* to = out.data + place.first * out.stride0 + place.j * out.stride1 + place.k;
  std::int64_t left = place.last - place.first;
  if constexpr (Cell::shape == Shape::faces) {
    constexpr int P = Cell::planes, R = Cell::radius;
    Pair column[2 * P + 1];
    TUTTI_UNROLL
    for (int a = 0; a < 2 * P; ++a) column[a] = load_pair(from + (a - P) * u.stride0);
    for (; left > 0; --left, from += u.stride0, to += out.stride0) {
      column[2 * P] = load_pair(from + P * u.stride0);
      if (left > prefetch_planes) prefetch(from + (P + prefetch_planes) * u.stride0);
      double segment[2 * R + 2];
      load_segment<R>(from, column[P], segment);
      store(to, evaluate(cell, FacesAt<P, R>{column, segment, from, u.stride1}, to));
      TUTTI_UNROLL
      for (int a = 0; a < 2 * P; ++a) column[a] = column[a + 1];
    }
  } else {
    static_assert(Cell::shape == Shape::box && Cell::planes == 1 && Cell::radius == 1);
    Around plane[3] = {load_around(from - u.stride0, u.stride1), load_around(from, u.stride1), {}};
    for (; left > 0; --left, from += u.stride0, to += out.stride0) {
      plane[2] = load_around(from + u.stride0, u.stride1);
      if (left > prefetch_planes) prefetch(from + (1 + prefetch_planes) * u.stride0);
      store(to, evaluate(cell, BoxAt{plane}, to));
      plane[0] = plane[1];
      plane[1] = plane[2];
    }
  }
}

/// The last cell of rows of odd length: one cell at a time.
template <class Cell>
TUTTI_FUNCTION void march_single(const Cell& cell, const Field3& u, const Field3& out,
                                 const MarchPlace& place) {
  for (std::int64_t i = place.first; i < place.last; ++i) {
    const double* from = u.data + i * u.stride0 + place.j * u.stride1 + place.k;
    double* to = out.data + i * out.stride0 + place.j * out.stride1 + place.k;
    const kernels::CellAt at{from, u.stride0, u.stride1};
    if constexpr (detail_march::replaces<Cell>)
      *to = cell(at, *to);
    else
      *to = cell(at);
  }
}

}  // namespace tutti::gpu
