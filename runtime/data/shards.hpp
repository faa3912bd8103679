// Shards: the parts of a batch that are worked on independently. Part of the problem, like any tiling: their
// number depends neither on ranks nor on workers, so neither do results.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/data/layout.hpp"

namespace tutti {

/// Tile s is shard s, with the same number of elements in each, along dimension 2. Each rank has consecutive
/// shards: shard s of S goes to the rank in whose part of [0, S) its middle lies, so ranks beyond S have
/// none. Operations over one layout of shards may access collections on another with as many shards.
class ShardLayout final : public Layout {
 public:
  /// Throws Error(usage) if shards, elements or ranks are not positive or a shard is too large.
  ShardLayout(std::int64_t shards, std::int64_t elements, std::uint32_t ranks);

  std::int64_t elements() const { return elements_; }

  Box tile_box(TileId tile) const override {
    const std::int64_t first = tile.value * stride_;
    return {{0, 0, first}, {1, 1, first + elements_}};
  }
  bool equals(const Layout& other) const override;
  bool fits(const Layout& space) const override;
  std::string describe() const override;

 private:
  std::int64_t elements_;
  std::int64_t stride_;  // from shard to shard: short arrays lie densely, long ones begin at cache lines
};

/// What operations run over: one task for each shard. Cheap to copy.
class Shards : public Space {
 public:
  Shards(const RankContext& context, std::int64_t shards)
      : Space(std::make_shared<const ShardLayout>(shards, 1, context.ranks), context) {}
  std::int64_t count() const { return layout().tile_count(); }
};

}  // namespace tutti
