#include "runtime/data/shards.hpp"

#include "runtime/error.hpp"

namespace tutti {

ShardLayout::ShardLayout(std::int64_t shards, std::int64_t elements, std::uint32_t ranks)
    : elements_(elements) {
  constexpr std::int64_t most = std::int64_t{1} << 31;
  if (ranks == 0) usage_error("shards need at least one rank");
  if (shards <= 0 || shards >= most) usage_error("{} shards: there must be between 1 and 2^31 - 1", shards);
  if (elements <= 0 || elements >= most)
    usage_error("{} elements per shard: there must be between 1 and 2^31 - 1", elements);
  constexpr std::int64_t granule = 64;  // a multiple of a cache line for elements of any size
  stride_ = elements < granule ? elements : (elements + granule - 1) / granule * granule;
  resize(static_cast<std::uint32_t>(shards), ranks);
  for (std::int64_t s = 0; s < shards; ++s)
    deal(TileId{s}, RankId{(2 * s + 1) * std::int64_t{ranks} / (2 * shards)});
  for (std::uint32_t r = 0; r < ranks; ++r)
    if (const auto& own = tiles_of(RankId{r}); !own.empty())
      set_block(RankId{r}, {tile_box(own.front()).lo, tile_box(own.back()).hi});
}

bool ShardLayout::equals(const Layout& other) const {
  const auto* o = dynamic_cast<const ShardLayout*>(&other);
  return o != nullptr && fits(other) && elements_ == o->elements_;
}

bool ShardLayout::fits(const Layout& space) const {
  return dynamic_cast<const ShardLayout*>(&space) != nullptr && space.tile_count() == tile_count() &&
         space.ranks() == ranks();
}

std::string ShardLayout::describe() const {
  return fmt::format("{} shards of {} elements", tile_count(), elements_);
}

}  // namespace tutti
