// HPCG's operator on a cube, in tiles: what kernels of matrices are checked and measured with. Built here, so
// that the checks need neither ranks nor the recorder.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/data/dia_matrix.hpp"
#include "runtime/data/sell_matrix.hpp"
#include "runtime/data/sparse_matrix.hpp"

namespace tutti::gpu_check {

/// One tile: a box of points, numbered with dimension 2 fastest; rows in order, entries by local column.
struct GridTile {
  std::vector<std::uint32_t> first, diagonal, outside;
  std::vector<std::uint32_t> columns;  // of entries, 32 bits each
  std::vector<double> values;
  std::vector<std::uint32_t> sell_first, order, sell_columns;
  std::vector<double> sell_values;
  /// What it reads of other tiles: `producer` and the rows there.
  struct Part {
    std::uint32_t producer;
    std::vector<std::uint32_t> positions;
  };
  std::vector<Part> parts;
  CsrTile<double> csr;
  SellTile<double> sell;
  /// Diagonals below and above the diagonal, and in other tiles.
  struct Diagonals {
    std::vector<std::uint32_t> first, inner;
    std::vector<std::int32_t> column;
    std::vector<double> value;
  };
  Diagonals lower, upper, beyond;
  std::vector<double> dia_diagonal;
  DiaTile<double> dia;
  void make_dia();  ///< from the values of CSR as they are now
};

/// n^3 points in tiles of edge^3 (those at the end are smaller); row numbers follow the tiles.
class GridSystem {
 public:
  GridSystem(std::int64_t n, std::int64_t edge);
  std::int64_t rows() const { return first_row_.back(); }
  std::int64_t first_row(std::size_t tile) const { return first_row_[tile]; }
  const std::vector<GridTile>& tiles() const { return tiles_; }
  std::vector<GridTile>& tiles() { return tiles_; }
  std::uint64_t entries() const { return entries_; }

 private:
  void make_tile(std::size_t t);
  void make_sell(GridTile& tile);

  std::int64_t n_, edge_, lattice_;
  std::vector<std::int64_t> first_row_;
  std::vector<GridTile> tiles_;
  std::uint64_t entries_ = 0;
};

}  // namespace tutti::gpu_check
