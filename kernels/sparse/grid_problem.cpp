#include "kernels/sparse/grid_problem.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/error.hpp"

namespace tutti::kernels {
namespace {

double centre_value(const Index3& n, const Index3& p, const std::function<double(std::int64_t)>& diagonal) {
  return diagonal ? diagonal((p[0] * n[1] + p[1]) * n[2] + p[2]) : 26.0;
}

template <class Visit>
void for_points(const Box& box, const Visit& visit) {
  for (std::int64_t i = box.lo[0]; i < box.hi[0]; ++i)
    for (std::int64_t j = box.lo[1]; j < box.hi[1]; ++j)
      for (std::int64_t k = box.lo[2]; k < box.hi[2]; ++k) visit(Index3{i, j, k});
}

/// A tile's local columns by point: its own points first, then the others of `reach` by row.
class LocalNumbers {
 public:
  LocalNumbers(const GridNumbering& grid, const Box& own, const Box& reach)
      : reach_(reach), column_(static_cast<std::size_t>(reach.size())) {
    std::vector<std::pair<std::int64_t, LocalColumn*>> found;
    LocalColumn next = 0;
    for_points(reach, [&](const Index3& p) {
      if (own.contains({p, {p[0] + 1, p[1] + 1, p[2] + 1}}))
        column_[place(p)] = next++;
      else
        found.emplace_back(grid.row(p), &column_[place(p)]);
    });
    std::sort(found.begin(), found.end());
    for (const auto& [row, column] : found) {
      *column = next++;
      others_.push_back(row);
    }
  }
  const std::vector<std::int64_t>& others() const { return others_; }
  LocalColumn operator()(const Index3& p) const { return column_[place(p)]; }

 private:
  std::size_t place(const Index3& p) const {
    return static_cast<std::size_t>(((p[0] - reach_.lo[0]) * reach_.extent(1) + p[1] - reach_.lo[1]) *
                                        reach_.extent(2) +
                                    p[2] - reach_.lo[2]);
  }
  Box reach_;
  std::vector<LocalColumn> column_;
  std::vector<std::int64_t> others_;
};

/// The points that point p of a grid reads of a grid `scale` times as fine: those within `radius`.
Box neighbours(const Index3& p, const Index3& fine, std::int64_t scale, std::int64_t radius) {
  Box box;
  for (int d = 0; d < 3; ++d) {
    box.lo[d] = std::max<std::int64_t>(scale * p[d] - radius, 0);
    box.hi[d] = std::min(scale * p[d] + radius + 1, fine[d]);
  }
  return box;
}

/// The 27-point operator (radius 1) or the identity (radius 0) of grid `to` at every scale-th point, which
/// make up grid `from`.
SparseMatrix<double> operator_at(Transport& transport, const Rows& from_rows, const GridNumbering& from,
                                 const Rows& to_rows, const GridNumbering& to, std::int64_t scale,
                                 std::int64_t radius, const std::string& label,
                                 const std::function<double(const Index3&)>& centre) {
  const Index3& n = to.extents();
  const bool square = *from_rows.shared_layout() == *to_rows.shared_layout();
  const std::vector<TileId>& tiles = from_rows.layout().tiles_of(from_rows.context().rank);
  std::vector<std::size_t> entries;
  for (const TileId t : tiles) {
    const Box box = from.tile_box(t);
    std::int64_t count = 1;
    for (int d = 0; d < 3; ++d) {
      std::int64_t along = 0;
      for (Index3 p = box.lo; p[d] < box.hi[d]; ++p[d]) along += neighbours(p, n, scale, radius).extent(d);
      count *= along;
    }
    entries.push_back(static_cast<std::size_t>(count));
  }
  return make_matrix<double>(
      transport, from_rows, to_rows, label, entries, [&](std::uint32_t index, CsrWriter<double>& writer) {
        const Box box = from.tile_box(tiles[index]);
        const Index3 last{box.hi[0] - 1, box.hi[1] - 1, box.hi[2] - 1};
        const Box reach{neighbours(box.lo, n, scale, radius).lo, neighbours(last, n, scale, radius).hi};
        const LocalNumbers column(to, square ? box : Box{}, reach);
        writer.number_others(column.others());
        const auto own = static_cast<LocalColumn>(square ? box.size() : 0);
        for_points(box, [&](const Index3& p) {
          const LocalColumn middle = column({scale * p[0], scale * p[1], scale * p[2]});
          const auto add = [&](LocalColumn c) { writer.add(c, c == middle ? centre(p) : -1.0); };
          std::array<LocalColumn, 27> others;
          std::size_t count = 0;
          for_points(neighbours(p, n, scale, radius), [&](const Index3& q) {
            const LocalColumn c = column(q);
            if (c < own)
              add(c);
            else
              others[count++] = c;
          });
          std::sort(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(count));
          for (std::size_t i = 0; i < count; ++i) add(others[i]);
          writer.end_row();
        });
      });
}

/// The transpose of the injection: a row for each point of `fine`, with an entry if `coarse` has the point.
SparseMatrix<double> transposed_injection(Transport& transport, const Rows& fine_rows,
                                          const GridNumbering& fine, const Rows& coarse_rows,
                                          const GridNumbering& coarse) {
  const std::vector<TileId>& tiles = fine_rows.layout().tiles_of(fine_rows.context().rank);
  const auto kept = [&](std::uint32_t index) {
    const Box box = fine.tile_box(tiles[index]);
    Box half;
    for (int d = 0; d < 3; ++d) {
      half.lo[d] = (box.lo[d] + 1) / 2;
      half.hi[d] = (box.hi[d] + 1) / 2;
    }
    return half;
  };
  std::vector<std::size_t> entries;
  for (std::uint32_t i = 0; i < tiles.size(); ++i)
    entries.push_back(static_cast<std::size_t>(std::max<std::int64_t>(kept(i).size(), 0)));
  return make_matrix<double>(transport, fine_rows, coarse_rows, "P", entries,
                             [&](std::uint32_t index, CsrWriter<double>& writer) {
                               const LocalNumbers column(coarse, {}, kept(index));
                               writer.number_others(column.others());
                               for_points(fine.tile_box(tiles[index]), [&](const Index3& p) {
                                 if (p[0] % 2 == 0 && p[1] % 2 == 0 && p[2] % 2 == 0)
                                   writer.add(column({p[0] / 2, p[1] / 2, p[2] / 2}), 1.0);
                                 writer.end_row();
                               });
                             });
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
  return operator_at(transport, rows, grid, rows, grid, 1, 1, "A",
                     [&](const Index3& p) { return centre_value(grid.extents(), p, diagonal); });
}

GridTransfer hpcg_transfer(Transport& transport, const Rows& fine_rows, const GridNumbering& fine,
                           const Rows& coarse_rows, const GridNumbering& coarse,
                           const std::function<double(std::int64_t)>& diagonal) {
  const auto centre = [&](const Index3& p) {
    return centre_value(fine.extents(), {2 * p[0], 2 * p[1], 2 * p[2]}, diagonal);
  };
  return {operator_at(transport, coarse_rows, coarse, fine_rows, fine, 2, 0, "R",
                      [](const Index3&) { return 1.0; }),
          transposed_injection(transport, fine_rows, fine, coarse_rows, coarse),
          operator_at(transport, coarse_rows, coarse, fine_rows, fine, 2, 1, "R A", centre)};
}

}  // namespace tutti::kernels
