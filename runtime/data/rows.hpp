// Rows: the unknowns of a linear system, numbered from 0 and cut into tiles of consecutive numbers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/data/layout.hpp"

namespace tutti {

/// Tile t has the rows first_row(t) <= row < first_row(t + 1); as boxes, rows lie along dimension 2. The cut
/// is part of the problem: it does not depend on ranks. Each rank has consecutive tiles, so also one range of
/// rows; a tile goes to the rank in whose part of all rows (equal parts, in order) its middle lies.
class RowsLayout final : public Layout {
 public:
  /// `bounds`: the first row of each tile and, last, the number of rows; starts at 0 and rises. Throws
  /// Error(usage) if it does not, and for tiles of 2^31 rows or more.
  RowsLayout(std::vector<std::int64_t> bounds, std::uint32_t ranks);
  /// The same, dealt by the caller: tile t goes to owners[t]. Throws Error(usage) unless the tiles of each
  /// rank are consecutive.
  RowsLayout(std::vector<std::int64_t> bounds, const std::vector<RankId>& owners, std::uint32_t ranks);

  std::int64_t size() const { return bounds_.back(); }
  std::int64_t first_row(TileId tile) const { return bounds_[tile.index()]; }
  std::uint32_t rows(TileId tile) const {
    return static_cast<std::uint32_t>(bounds_[tile.index() + 1] - bounds_[tile.index()]);
  }
  /// The tile that has `row`, 0 <= row < size().
  TileId tile_of(std::int64_t row) const;

  Box tile_box(TileId tile) const override {
    return {{0, 0, bounds_[tile.index()]}, {1, 1, bounds_[tile.index() + 1]}};
  }
  bool equals(const Layout& other) const override;
  std::string describe() const override;

 private:
  void check_bounds() const;
  void set_blocks();

  std::vector<std::int64_t> bounds_;
};

/// Rows as an application holds them. Cheap to copy.
class Rows : public Space {
 public:
  /// Tiles that start at these rows; see RowsLayout.
  Rows(const RankContext& context, std::vector<std::int64_t> bounds)
      : Space(std::make_shared<const RowsLayout>(std::move(bounds), context.ranks), context) {}
  /// The same, with the rank of each tile.
  Rows(const RankContext& context, std::vector<std::int64_t> bounds, const std::vector<RankId>& owners)
      : Space(std::make_shared<const RowsLayout>(std::move(bounds), owners, context.ranks), context) {}
  /// Tiles of `rows_per_tile` rows; the last one may be shorter.
  Rows(const RankContext& context, std::int64_t rows, std::int64_t rows_per_tile);

  const RowsLayout& layout() const { return static_cast<const RowsLayout&>(Space::layout()); }
  std::int64_t size() const { return layout().size(); }
};

/// Which rows of other tiles the tiles of one rank read: what the pattern of a matrix asks for.
struct ColumnMap {
  /// Rows `positions` of tile `producer`, counted from its first row, in increasing order.
  struct Part {
    TileId producer;
    std::vector<std::uint32_t> positions;
  };
  std::shared_ptr<const Layout> rows;     ///< whose tiles read
  std::shared_ptr<const Layout> columns;  ///< whose tiles are read
  std::vector<std::vector<Part>> parts;   ///< by own tile (index_in_rank); in the order of producers
  /// A tile's own rows are columns, too: they come first, and are not among its parts.
  bool is_square() const { return *rows == *columns; }
};

}  // namespace tutti
