// The functors of the stencil kernels: how they are called on the host (defined in sweep.hpp) and, cell by
// cell, by launchers that have a thread for each cell.
#pragma once

#include <cstdint>

#include "kernels/stencil/cells.hpp"
#include "runtime/data/view.hpp"

namespace tutti::kernels {

/// What a cell functor reads of a field: single values around `u`.
struct CellAt {
  const double* u;
  std::int64_t stride0;
  std::int64_t stride1;
  TUTTI_FUNCTION double operator()(std::int64_t a, std::int64_t b, std::int64_t c) const {
    return u[a * stride0 + b * stride1 + c];
  }
};

/// Kernels that write a new field (heat).
template <class Cell>
struct StencilWrite {
  Cell cell;
  bool streaming = false;
  void operator()(In<double, Cell::radius, Cell::shape> u, Out<double> next) const;
  TUTTI_FUNCTION void element(std::int64_t i, std::int64_t j, std::int64_t k,
                              const In<double, Cell::radius, Cell::shape>& u, const Out<double>& next) const {
    next(i, j, k) = cell(CellAt{&u(i, j, k), u.stride0, u.stride1});
  }
};

/// Kernels that replace the field of the step before (wave).
template <class Cell>
struct StencilUpdate {
  Cell cell;
  bool streaming = false;
  void operator()(In<double, Cell::radius, Cell::shape> u, InOut<double> previous) const;
  TUTTI_FUNCTION void element(std::int64_t i, std::int64_t j, std::int64_t k,
                              const In<double, Cell::radius, Cell::shape>& u,
                              const InOut<double>& previous) const {
    previous(i, j, k) = cell(CellAt{&u(i, j, k), u.stride0, u.stride1}, previous(i, j, k));
  }
};

}  // namespace tutti::kernels
