#include "kernels/sparse/grid_problem.hpp"

#include <algorithm>

#include "runtime/error.hpp"

namespace tutti::kernels {
namespace {

/// visit(neighbour) for a point and all its neighbours in the grid.
template <class Visit>
void for_each_neighbour(const Index3& extents, const Index3& p, Visit visit) {
  Index3 lo, hi;
  for (int d = 0; d < 3; ++d) {
    lo[d] = std::max<std::int64_t>(p[d] - 1, 0);
    hi[d] = std::min(p[d] + 2, extents[d]);
  }
  for (std::int64_t i = lo[0]; i < hi[0]; ++i)
    for (std::int64_t j = lo[1]; j < hi[1]; ++j)
      for (std::int64_t k = lo[2]; k < hi[2]; ++k) visit(Index3{i, j, k});
}

double centre_value(const Index3& n, const Index3& p, const std::function<double(std::int64_t)>& diagonal) {
  return diagonal ? diagonal((p[0] * n[1] + p[1]) * n[2] + p[2]) : 26.0;
}

Index3 doubled(const Index3& p) { return {2 * p[0], 2 * p[1], 2 * p[2]}; }

/// visit(point, row) for all points that this rank has.
template <class Visit>
void for_own_points(const Rows& rows, const GridNumbering& grid, Visit visit) {
  for (const TileId tile : rows.layout().tiles_of(rows.context().rank)) grid.for_each_point(tile, visit);
}

}  // namespace

GridNumbering::GridNumbering(const Index3& extents, const Index3& edge) : extents_(extents) {
  for (int d = 0; d < 3; ++d) {
    if (extents[d] <= 0 || edge[d] <= 0)
      usage_error("a grid of {} points in tiles of {} along dimension {}: both must be positive", extents[d],
                  edge[d], d);
    lattice_[d] = (extents[d] + edge[d] - 1) / edge[d];
    for (std::int64_t q = 0; q <= lattice_[d]; ++q) cuts_[d].push_back(q * extents[d] / lattice_[d]);
    for (std::int64_t q = 0; q < lattice_[d]; ++q)
      part_[d].resize(static_cast<std::size_t>(cuts_[d][static_cast<std::size_t>(q) + 1]),
                      static_cast<std::int32_t>(q));
  }
  const Box all{{0, 0, 0}, lattice_};
  tile_at_.resize(static_cast<std::size_t>(all.size()));
  bounds_.push_back(0);
  number(all);
}

void GridNumbering::number(const Box& lattice) {
  if (lattice.size() > 1) {
    int longest = 0;
    for (int d = 1; d < 3; ++d)
      if (lattice.extent(d) > lattice.extent(longest)) longest = d;
    Box low = lattice, high = lattice;
    low.hi[longest] = high.lo[longest] = (lattice.lo[longest] + lattice.hi[longest] + 1) / 2;
    number(low);
    return number(high);
  }
  Box box;
  for (int d = 0; d < 3; ++d) {
    box.lo[d] = cuts_[d][static_cast<std::size_t>(lattice.lo[d])];
    box.hi[d] = cuts_[d][static_cast<std::size_t>(lattice.lo[d]) + 1];
  }
  const std::int64_t place = (lattice.lo[0] * lattice_[1] + lattice.lo[1]) * lattice_[2] + lattice.lo[2];
  tile_at_[static_cast<std::size_t>(place)] = static_cast<std::uint32_t>(boxes_.size());
  boxes_.push_back(box);
  bounds_.push_back(bounds_.back() + box.size());
}

std::int64_t GridNumbering::row(const Index3& p) const {
  std::int64_t place = 0;
  for (int d = 0; d < 3; ++d) place = place * lattice_[d] + part_[d][static_cast<std::size_t>(p[d])];
  const std::uint32_t tile = tile_at_[static_cast<std::size_t>(place)];
  const Box& box = boxes_[tile];
  return bounds_[tile] + ((p[0] - box.lo[0]) * box.extent(1) + p[1] - box.lo[1]) * box.extent(2) + p[2] -
         box.lo[2];
}

void GridNumbering::for_each_point(TileId tile,
                                   const std::function<void(const Index3&, std::int64_t)>& visit) const {
  const Box& box = boxes_[tile.index()];
  std::int64_t row = bounds_[tile.index()];
  for (std::int64_t i = box.lo[0]; i < box.hi[0]; ++i)
    for (std::int64_t j = box.lo[1]; j < box.hi[1]; ++j)
      for (std::int64_t k = box.lo[2]; k < box.hi[2]; ++k) visit({i, j, k}, row++);
}

SparseMatrix<double> hpcg_matrix(Transport& transport, const Rows& rows, const GridNumbering& grid,
                                 const std::function<double(std::int64_t)>& diagonal) {
  MatrixAssembly<double> assembly(transport, rows, rows, "A");
  const Index3& n = grid.extents();
  for_own_points(rows, grid, [&](const Index3& p, std::int64_t row) {
    const double centre = centre_value(n, p, diagonal);
    for_each_neighbour(n, p,
                       [&](const Index3& q) { assembly.add(row, grid.row(q), q == p ? centre : -1.0); });
  });
  return assembly.finish();
}

GridTransfer hpcg_transfer(Transport& transport, const Rows& fine_rows, const GridNumbering& fine,
                           const Rows& coarse_rows, const GridNumbering& coarse,
                           const std::function<double(std::int64_t)>& diagonal) {
  MatrixAssembly<double> injection(transport, coarse_rows, fine_rows, "R");
  MatrixAssembly<double> kept_rows(transport, coarse_rows, fine_rows, "R A");
  for_own_points(coarse_rows, coarse, [&](const Index3& p, std::int64_t row) {
    const Index3 above = doubled(p);
    const double centre = centre_value(fine.extents(), above, diagonal);
    injection.add(row, fine.row(above), 1.0);
    for_each_neighbour(fine.extents(), above,
                       [&](const Index3& q) { kept_rows.add(row, fine.row(q), q == above ? centre : -1.0); });
  });
  MatrixAssembly<double> prolongation(transport, fine_rows, coarse_rows, "P");
  for_own_points(fine_rows, fine, [&](const Index3& p, std::int64_t row) {
    if (p[0] % 2 == 0 && p[1] % 2 == 0 && p[2] % 2 == 0)
      prolongation.add(row, coarse.row({p[0] / 2, p[1] / 2, p[2] / 2}), 1.0);
  });
  return {injection.finish(), prolongation.finish(), kept_rows.finish()};
}

}  // namespace tutti::kernels
