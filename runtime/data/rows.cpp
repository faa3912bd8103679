#include "runtime/data/rows.hpp"

#include <algorithm>

#include "runtime/error.hpp"

namespace tutti {
namespace {

std::vector<std::int64_t> even_bounds(std::int64_t rows, std::int64_t rows_per_tile) {
  if (rows_per_tile <= 0) usage_error("{} rows per tile: it must be positive", rows_per_tile);
  if (rows <= 0) usage_error("{} rows: there must be at least one", rows);
  std::vector<std::int64_t> bounds;
  for (std::int64_t row = 0; row < rows; row += rows_per_tile) bounds.push_back(row);
  bounds.push_back(rows);
  return bounds;
}

}  // namespace

void RowsLayout::check_bounds() const {
  if (bounds_.size() < 2 || bounds_.front() != 0)
    usage_error("rows: bounds of tiles start at 0 and end at the number of rows");
  constexpr std::int64_t most = std::int64_t{1} << 31;
  if (static_cast<std::int64_t>(bounds_.size()) > most) usage_error("more than 2^31 tiles of rows");
  for (std::size_t t = 0; t + 1 < bounds_.size(); ++t) {
    if (bounds_[t + 1] <= bounds_[t]) usage_error("rows: tile {} has no rows", t);
    if (bounds_[t + 1] - bounds_[t] >= most) usage_error("rows: tile {} has 2^31 rows or more", t);
  }
}

void RowsLayout::set_blocks() {
  for (std::uint32_t r = 0; r < ranks(); ++r)
    if (const auto& own = tiles_of(RankId{r}); !own.empty())
      set_block(RankId{r}, {tile_box(own.front()).lo, tile_box(own.back()).hi});
}

RowsLayout::RowsLayout(std::vector<std::int64_t> bounds, std::uint32_t ranks) : bounds_(std::move(bounds)) {
  if (ranks == 0) usage_error("rows need at least one rank");
  check_bounds();
  const auto tiles = static_cast<std::uint32_t>(bounds_.size() - 1);
  resize(tiles, ranks);
  const double all = static_cast<double>(size());
  for (std::uint32_t t = 0; t < tiles; ++t) {
    const double middle = 0.5 * (static_cast<double>(bounds_[t]) + static_cast<double>(bounds_[t + 1]));
    const double rank = middle / all * ranks;
    deal(TileId{t}, RankId{std::min(static_cast<std::uint32_t>(rank), ranks - 1)});
  }
  set_blocks();
}

RowsLayout::RowsLayout(std::vector<std::int64_t> bounds, const std::vector<RankId>& owners,
                       std::uint32_t ranks)
    : bounds_(std::move(bounds)) {
  check_bounds();
  const auto tiles = static_cast<std::uint32_t>(bounds_.size() - 1);
  if (owners.size() != tiles) usage_error("rows: {} owners for {} tiles", owners.size(), tiles);
  resize(tiles, ranks);
  for (std::uint32_t t = 0; t < tiles; ++t) {
    if (owners[t].value >= ranks)
      usage_error("rows: tile {} belongs to rank {}, but there are {} ranks", t, owners[t].value, ranks);
    if (const auto& own = tiles_of(owners[t]); !own.empty() && own.back().value + 1 != t)
      usage_error("rows: the tiles of rank {} are not consecutive: {}, then {}", owners[t].value,
                  own.back().value, t);
    deal(TileId{t}, owners[t]);
  }
  set_blocks();
}

TileId RowsLayout::tile_of(std::int64_t row) const {
  const auto after = std::upper_bound(bounds_.begin(), bounds_.end(), row);
  return TileId{after - bounds_.begin() - 1};
}

bool RowsLayout::equals(const Layout& other) const {
  const auto* o = dynamic_cast<const RowsLayout*>(&other);
  if (o == nullptr || bounds_ != o->bounds_ || ranks() != o->ranks()) return false;
  for (std::uint32_t t = 0; t < tile_count(); ++t)
    if (owner(TileId{t}) != o->owner(TileId{t})) return false;
  return true;
}

std::string RowsLayout::describe() const {
  std::uint64_t hash = 0;
  for (const std::int64_t b : bounds_) hash = (hash ^ static_cast<std::uint64_t>(b)) * 0x100000001b3ULL;
  return fmt::format("{} rows in {} tiles ({:x})", size(), tile_count(), hash);
}

Rows::Rows(const RankContext& context, std::int64_t rows, std::int64_t rows_per_tile)
    : Rows(context, even_bounds(rows, rows_per_tile)) {}

}  // namespace tutti
