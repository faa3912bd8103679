// Systems on 3-D grids as matrices: how the points of a grid are numbered so that tiles of rows are boxes of
// points, the 27-point operator of HPCG, and the transfer between its grids.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/data/box.hpp"
#include "runtime/data/sparse_matrix.hpp"

namespace tutti::kernels {

/// Numbers the points of a grid tile by tile. Tiles are boxes of at most `edge` points a side; within a tile,
/// dimension 2 runs fastest. Tiles follow a curve that halves the grid of tiles along its longest side, again
/// and again, so that consecutive tiles, which a rank has, form compact regions. Depends on the grid and
/// `edge` alone.
class GridNumbering {
 public:
  /// Throws Error(usage) unless all are positive.
  GridNumbering(const Index3& extents, const Index3& edge);

  const Index3& extents() const { return extents_; }
  std::int64_t points() const { return extents_[0] * extents_[1] * extents_[2]; }
  /// The first row of each tile, and the number of rows: what Rows takes.
  const std::vector<std::int64_t>& bounds() const { return bounds_; }
  Box tile_box(TileId tile) const { return boxes_[tile.index()]; }
  std::int64_t row(const Index3& point) const;
  /// point(p, row) for the points of a tile, in the order of rows.
  void for_each_point(TileId tile, const std::function<void(const Index3&, std::int64_t)>& visit) const;

 private:
  void number(const Box& lattice);

  Index3 extents_;
  Index3 lattice_;                                 // tiles along each dimension
  std::array<std::vector<std::int64_t>, 3> cuts_;  // where tiles start along each dimension, and the end
  std::array<std::vector<std::int32_t>, 3> part_;  // by coordinate: which tile of the dimension
  std::vector<std::uint32_t> tile_at_;             // by position in the lattice
  std::vector<Box> boxes_;                         // by tile
  std::vector<std::int64_t> bounds_;
};

/// 27-point operator of HPCG (Dongarra, Heroux and Luszczek, HPCG benchmark: technical specification, 2013):
/// 26 on the diagonal, -1 for each of the up to 26 neighbours. `diagonal` gives other values, by the number
/// of a point with dimension 2 fastest. Collective.
SparseMatrix<double> hpcg_matrix(Transport& transport, const Rows& rows, const GridNumbering& grid,
                                 const std::function<double(std::int64_t)>& diagonal = {});

/// The transfer between a grid and the one of every other point of it (both extents even).
struct GridTransfer {
  SparseMatrix<double> injection;     ///< R: coarse rows, fine columns; one 1 a row
  SparseMatrix<double> prolongation;  ///< the transpose of R
  SparseMatrix<double> kept_rows;     ///< R A: the rows of the fine operator at coarse points
};
/// For the operator of hpcg_matrix. Collective.
GridTransfer hpcg_transfer(Transport& transport, const Rows& fine_rows, const GridNumbering& fine,
                           const Rows& coarse_rows, const GridNumbering& coarse,
                           const std::function<double(std::int64_t)>& diagonal = {});

}  // namespace tutti::kernels
