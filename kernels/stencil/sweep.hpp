// How a stencil's cell functor is swept over a box on one worker: rows of ordinary loops that the compiler
// vectorises while the fields fit into the caches; beyond that, explicit vectors, several planes at a time,
// with prefetch and stores that bypass the caches. Both give the same bits.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/launch.hpp"
#include "kernels/stencil/functors.hpp"
#include "runtime/data/stream.hpp"
#include "runtime/data/view.hpp"

namespace tutti::kernels {

namespace detail {

/// Vectors around `u`. Those of the cell's own row one cell away are shifted out of vectors already loaded:
/// loads that straddle two cache lines cost twice.
struct VectorAt {
  const double* u;
  std::int64_t stride0;
  std::int64_t stride1;
  stream::Vector west, here, east;
  stream::Vector operator()(std::int64_t a, std::int64_t b, std::int64_t c) const {
    if (a == 0 && b == 0 && c == -1) return stream::shift_right(west, here);
    if (a == 0 && b == 0 && c == 0) return here;
    if (a == 0 && b == 0 && c == 1) return stream::shift_left(here, east);
    return stream::load(u + a * stride0 + b * stride1 + c);
  }
};

/// The new value of a cell or vector; wave cells also take the value that they replace.
template <class Cell, class At, class Value>
auto evaluate(const Cell& cell, const At& at, const Value& old) {
  if constexpr (requires { cell(at, old); })
    return cell(at, old);
  else
    return cell(at);
}
template <class Cell>
inline constexpr bool replaces = requires(const Cell& c, const CellAt& at) {
  c(at, 1.0);
};

/// One row by an ordinary loop.
template <class Cell>
void sweep_row(const Cell& cell, const double* u, double* out, std::int64_t stride0, std::int64_t stride1,
               std::int64_t n) {
  TUTTI_INDEPENDENT
  for (std::int64_t k = 0; k < n; ++k)
    if constexpr (replaces<Cell>)
      out[k] = cell(CellAt{u + k, stride0, stride1}, out[k]);
    else
      out[k] = cell(CellAt{u + k, stride0, stride1});
}

/// The same row of `Planes` consecutive planes by vectors. Prefetches what the row after the next will be the
/// first to read: that row of the `Planes` planes which are the farthest ahead.
template <int Planes, class Cell>
void stream_rows(const Cell& cell, const double* u, double* out, std::int64_t u_stride0,
                 std::int64_t u_stride1, std::int64_t out_stride0, std::int64_t n) {
  using stream::lanes;
  using stream::Vector;
  constexpr std::int64_t rows_ahead = 2;
  constexpr int prefetched = Cell::planes > 0 ? Planes : 0;  // consecutive rows need no help
  const std::int64_t head = stream::cells_to_line(out, n);
  const std::int64_t body = (n - head) / lanes * lanes;
  for (int p = 0; p < Planes; ++p)
    sweep_row(cell, u + p * u_stride0, out + p * out_stride0, u_stride0, u_stride1, head);
  u += head;
  out += head;

  Vector west[Planes], here[Planes], east[Planes], value[Planes];
  if (body > 0)
    for (int p = 0; p < Planes; ++p) {
      west[p] = stream::load_last(u + p * u_stride0 - 1);
      here[p] = stream::load(u + p * u_stride0);
    }
  const double* ahead = u + Cell::planes * u_stride0 + rows_ahead * u_stride1;
  const auto step = [&](std::int64_t k) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int p = 0; p < Planes; ++p)
      value[p] =
          evaluate(cell, VectorAt{u + p * u_stride0 + k, u_stride0, u_stride1, west[p], here[p], east[p]},
                   stream::load(out + p * out_stride0 + k));
#pragma GCC unroll 4
    for (int p = 0; p < Planes; ++p)
      if constexpr (replaces<Cell>)
        stream::store_cached(out + p * out_stride0 + k, value[p]);
      else
        stream::store(out + p * out_stride0 + k, value[p]);
  };
  std::int64_t k = 0;
  for (; k + lanes < body; k += lanes) {
    if (lanes == stream::line_cells || k % stream::line_cells == 0)
#pragma GCC unroll 4
      for (int p = 0; p < prefetched; ++p) stream::prefetch(ahead + p * u_stride0 + k);
#pragma GCC unroll 4
    for (int p = 0; p < Planes; ++p) east[p] = stream::load(u + p * u_stride0 + k + lanes);
    step(k);
#pragma GCC unroll 4
    for (int p = 0; p < Planes; ++p) {
      west[p] = here[p];
      here[p] = east[p];
    }
  }
  if (k < body) {  // the last vector: beyond it only one cell may be read
    for (int p = 0; p < prefetched; ++p) stream::prefetch(ahead + p * u_stride0 + k);
    for (int p = 0; p < Planes; ++p) east[p] = stream::load_first(u + p * u_stride0 + k + lanes);
    step(k);
    k += lanes;
  }
  for (int p = 0; p < Planes; ++p)
    sweep_row(cell, u + p * u_stride0 + k, out + p * out_stride0 + k, u_stride0, u_stride1, n - head - body);
}

/// How many planes the streaming sweep takes at a time: vectors of one plane serve as neighbours of the next,
/// which saves loads from the second-level cache. (512^3, 2 Zen 4 cores: heat7 1.1 to 1.2 times faster with 4
/// than with 1, slower with 8; heat27, which has no registers left, 1.15 times slower with 4.)
template <class Cell>
inline constexpr int planes_at_once = Cell::planes > 0 && Cell::shape == Shape::faces ? 4 : 1;

}  // namespace detail

/// Sweeps `cell` over the box of `out`; `u` has the same box. With `streaming`, the rows of `out` should
/// start at cache lines (others are right, too, only slower).
template <class Cell, class In, class Out>
void sweep(const Cell& cell, const In& u, const Out& out, bool streaming) {
  const std::int64_t planes = out.extent(0), rows = out.extent(1), n = out.extent(2);
  if (!streaming) {
    for_rows(planes, rows, [&](std::int64_t i, std::int64_t j) {
      detail::sweep_row(cell, u.row(i, j), out.row(i, j), u.stride0, u.stride1, n);
    });
    return;
  }
  constexpr int group = detail::planes_at_once<Cell>;
  const auto run = [&]<int Planes>(std::int64_t i) {
    for (std::int64_t j = 0; j < rows; ++j)
      detail::stream_rows<Planes>(cell, u.row(i, j), out.row(i, j), u.stride0, u.stride1, out.stride0, n);
  };
  std::int64_t i = 0;
  if constexpr (group > 1)
    if (out.stride0 % stream::line_cells == 0)
      for (; i + group <= planes; i += group) run.template operator()<group>(i);
  for (; i < planes; ++i) run.template operator()<1>(i);
  stream::fence();
}

template <class Cell>
void StencilWrite<Cell>::operator()(In<double, Cell::radius, Cell::shape> u, Out<double> next) const {
  sweep(cell, u, next, streaming);
}
template <class Cell>
void StencilUpdate<Cell>::operator()(In<double, Cell::radius, Cell::shape> u, InOut<double> previous) const {
  sweep(cell, u, previous, streaming);
}

}  // namespace tutti::kernels
