// Layouts: how a space (the cells of a grid, the rows of a matrix) is cut into tiles, and which rank has
// which tile. What the passes from record to plan need to know of any space.
// Pure: a Layout knows every rank's part and touches no memory but its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/data/box.hpp"
#include "runtime/data/ids.hpp"
#include "runtime/data/view.hpp"

namespace tutti {

/// A part of a tile that others read: cells `box` of tile `producer`, in the producer's coordinates; with
/// `positions`, only those of them, counted from the tile's first cell, in this order. A reading block sees
/// boxes at shifted(box, shift).
struct Region {
  TileId producer;
  Box box;
  Index3 shift{0, 0, 0};
  std::shared_ptr<const std::vector<std::uint32_t>> positions{};  ///< null: the whole box
  std::int64_t size() const { return positions ? static_cast<std::int64_t>(positions->size()) : box.size(); }
  bool operator==(const Region&) const = default;
};

/// What one tile reads through a halo: whole tiles of its own block in place, and ghost regions by their
/// index in Layout::ghost_regions(rank, radius, shape) of the tile's owner.
struct HaloNeed {
  std::vector<TileId> own_tiles;  ///< the tile itself is not among them
  std::vector<std::uint32_t> regions;
};

class Layout {
 public:
  virtual ~Layout() = default;

  std::uint32_t ranks() const { return static_cast<std::uint32_t>(tiles_of_.size()); }
  std::uint32_t tile_count() const { return static_cast<std::uint32_t>(owner_.size()); }
  RankId owner(TileId tile) const { return owner_[tile.index()]; }
  std::uint32_t index_in_rank(TileId tile) const { return index_in_rank_[tile.index()]; }
  /// The rank's tiles in increasing order; together they are one box, its block. Empty if the rank has none.
  const std::vector<TileId>& tiles_of(RankId rank) const { return tiles_of_[rank.index()]; }
  Box block(RankId rank) const { return blocks_[rank.index()]; }
  /// The worker whose memory holds the tile: slabs of consecutive tiles of the owner.
  WorkerId home(TileId tile, std::uint32_t workers) const {
    return WorkerId{std::uint64_t{index_in_rank(tile)} * workers / tiles_of(owner(tile)).size()};
  }

  virtual Box tile_box(TileId tile) const = 0;
  /// The same tiles, dealt alike.
  virtual bool equals(const Layout& other) const = 0;
  /// Whether operations over `space` may access their own tiles of collections on this layout. False for
  /// equal numbers of tiles that mean different things.
  virtual bool fits(const Layout& space) const { return equals(space); }
  /// Names what ranks must agree on: "grid 64 x 64 in tiles of 16 x 64, halo 1".
  virtual std::string describe() const = 0;

  // Neighbourhood: a layout whose cells have neighbours has halos; by default there are none.
  virtual int halo() const { return 0; }
  /// Ghost cells on either side of dimension d of a block.
  virtual Index3 ghosts() const { return {0, 0, 0}; }
  virtual std::vector<Region> ghost_regions(RankId, int, Shape) const { return {}; }
  virtual HaloNeed halo_need(TileId, int, Shape, const std::vector<Region>&) const { return {}; }

 protected:
  Layout() = default;
  Layout(const Layout&) = default;
  Layout& operator=(const Layout&) = default;

  void resize(std::uint32_t tiles, std::uint32_t ranks) {
    owner_.resize(tiles);
    index_in_rank_.resize(tiles);
    tiles_of_.resize(ranks);
    blocks_.resize(ranks);
  }
  /// Deals the next tile of `rank`. Tiles of one rank come in increasing order.
  void deal(TileId tile, RankId rank) {
    owner_[tile.index()] = rank;
    index_in_rank_[tile.index()] = static_cast<std::uint32_t>(tiles_of_[rank.index()].size());
    tiles_of_[rank.index()].push_back(tile);
  }
  void set_block(RankId rank, const Box& block) { blocks_[rank.index()] = block; }

 private:
  std::vector<RankId> owner_;                  // by tile
  std::vector<std::uint32_t> index_in_rank_;   // by tile
  std::vector<std::vector<TileId>> tiles_of_;  // by rank
  std::vector<Box> blocks_;                    // by rank
};

inline bool operator==(const Layout& a, const Layout& b) { return &a == &b || a.equals(b); }

/// The process's place in the job, as data structures need it.
struct RankContext {
  RankId rank;
  std::uint32_t ranks = 1;
  std::uint32_t workers = 1;
  std::shared_ptr<class MemoryBudget> budget;  ///< may be null: then nothing is checked
};

/// A layout and this process's place in it: what operations run over and collections live on. Cheap to copy.
class Space {
 public:
  Space(std::shared_ptr<const Layout> layout, const RankContext& context)
      : layout_(std::move(layout)), context_(context) {}
  const Layout& layout() const { return *layout_; }
  const std::shared_ptr<const Layout>& shared_layout() const { return layout_; }
  const RankContext& context() const { return context_; }

 private:
  std::shared_ptr<const Layout> layout_;
  RankContext context_;
};

}  // namespace tutti
