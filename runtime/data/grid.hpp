// Grids: how cells are cut into tiles, tiles are dealt to ranks, and which cells a tile's halo needs.
// Pure: a GridLayout knows every rank's part and touches no memory but its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/data/layout.hpp"

namespace tutti {

/// What lies outside a grid: a fixed value in every cell, or the grid again.
struct Boundary {
  bool periodic = false;
  double value = 0;
  static Boundary fixed(double value) { return {false, value}; }
  static Boundary wrap() { return {true, 0}; }
};

struct GridOptions {
  std::vector<std::int64_t> tile{};  ///< cells per tile and dimension; empty: GridLayout::default_tile
  Boundary boundary{};
  int halo = 1;  ///< how many cells beyond its tile any kernel may read
};

class GridLayout final : public Layout {
 public:
  /// `extents`: 1 to 3 positive cell counts, slowest dimension first. Throws Error(usage) on anything else,
  /// on more than 2^62 cells or 2^31 tiles, and on tiles or a halo that make no sense. Ranks form a lattice
  /// p0 x p1 x p2 that keeps the busiest rank's cells and surface small; part q of p along a dimension of L
  /// tiles owns the tiles [q L / p, (q + 1) L / p). Ranks for which that leaves no tile (too few tiles, or a
  /// number of ranks that no lattice matches) own nothing.
  GridLayout(const std::vector<std::int64_t>& extents, const GridOptions& options, std::uint32_t ranks);

  /// The tile used when none is asked for. Depends on the problem alone, so results do not depend on how a
  /// program was run. Rows are kept whole (only 1-D and thin grids cut them, at multiples of 64 cells), there
  /// are about cells^(2/9) tiles (16 at 64^3, 32 at 128^3, 64 of 64 x 64 rows at 512^3), and none of them has
  /// fewer than some 4096 or more than 2^22 cells.
  static std::vector<std::int64_t> default_tile(const std::vector<std::int64_t>& extents);

  int dimensions() const { return dimensions_; }
  const Index3& extents() const { return extents_; }  ///< right-aligned: leading dimensions are 1
  Box domain() const { return {{0, 0, 0}, extents_}; }
  const Boundary& boundary() const { return boundary_; }
  int halo() const override { return halo_; }
  const Index3& rank_lattice() const { return parts_; }  ///< ranks along each dimension

  Box tile_box(TileId tile) const override;  ///< last tiles of a dimension may be short
  /// Ghost cells on either side of dimension d: halo() in the grid's dimensions, 0 in the leading ones.
  Index3 ghosts() const override;

  /// All that the block of `rank` reads beyond itself with this reach, ordered by shift and producer.
  /// Cells outside a non-periodic domain are not listed; a periodic image of a tile of the rank itself is.
  /// Shapes other than faces and box have none. Throws Error(usage) if the radius exceeds halo() or, in a
  /// periodic grid, an extent.
  std::vector<Region> ghost_regions(RankId rank, int radius, Shape shape) const override;
  /// What tile `tile` reads with this reach; `regions` index into ghost_regions(owner(tile), R, S), where
  /// R >= radius and S reaches at least as far as `shape`. Both lists are sorted. Throws Error(usage) if a
  /// region is missing.
  HaloNeed halo_need(TileId tile, int radius, Shape shape, const std::vector<Region>& regions) const override;

  bool equals(const Layout& other) const override;
  std::string describe() const override;

 private:
  void choose_parts(std::uint32_t ranks);
  void deal_tiles();
  void own(RankId rank, const Box& tiles);  // a box of tile positions becomes the rank's block

  int dimensions_ = 0;
  Index3 extents_{1, 1, 1};
  Index3 tile_{1, 1, 1};
  Index3 lattice_{1, 1, 1};
  Index3 parts_{1, 1, 1};
  Boundary boundary_;
  int halo_ = 1;
};

/// A grid as an application holds it. Cheap to copy.
class Grid : public Space {
 public:
  Grid(const RankContext& context, const std::vector<std::int64_t>& extents, const GridOptions& options = {})
      : Space(std::make_shared<const GridLayout>(extents, options, context.ranks), context) {}
  const GridLayout& layout() const { return static_cast<const GridLayout&>(Space::layout()); }
};

}  // namespace tutti
