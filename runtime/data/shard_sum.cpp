#include "runtime/data/shard_sum.hpp"

#include "runtime/error.hpp"

namespace tutti {
namespace {

void list_subtrees(const Layout& shards, const ShardRange& range, std::vector<ShardRange>& out) {
  // ranks have consecutive shards
  if (shards.owner(TileId{range.begin}) == shards.owner(TileId{range.end - 1})) {
    out.push_back(range);
    return;
  }
  const std::uint32_t middle = ShardTree::middle(range);
  list_subtrees(shards, {range.begin, middle}, out);
  list_subtrees(shards, {middle, range.end}, out);
}

}  // namespace

std::vector<TileId> tiles_of(const ShardRange& range) {
  std::vector<TileId> out;
  for (std::uint32_t s = range.begin; s < range.end; ++s) out.push_back(TileId{s});
  return out;
}

std::vector<ShardRange> subtrees_of_ranks(const Layout& shards) {
  std::vector<ShardRange> out;
  list_subtrees(shards, {0, shards.tile_count()}, out);
  return out;
}

template <class T>
ShardSum<T>::ShardSum(const Shards& shards, const Sharded<T>& terms, const Rows& segments,
                      const std::string& label)
    : terms_(terms),
      segments_(segments),
      all_{0, static_cast<std::uint32_t>(shards.count())},
      subtrees_(subtrees_of_ranks(shards.layout())) {
  if (segments.size() != terms.elements())
    usage_error("sum over shards: {} elements in segments, but {} in '{}'", segments.size(), terms.elements(),
                terms.name()->label);
  if (subtrees_.size() == 1) return;
  const RowsLayout& cut = segments.layout();
  std::vector<std::int64_t> bounds;
  std::vector<RankId> owners;
  for (std::size_t k = 0; k < subtrees_.size(); ++k)
    for (std::uint32_t g = 0; g < cut.tile_count(); ++g) {
      bounds.push_back(static_cast<std::int64_t>(k) * cut.size() + cut.first_row(TileId{g}));
      owners.push_back(shards.layout().owner(TileId{subtrees_[k].begin}));
    }
  bounds.push_back(static_cast<std::int64_t>(subtrees_.size()) * cut.size());
  parts_.emplace(segments.context(), std::move(bounds), owners);
  partial_.emplace(*parts_, label);
}

template <class T>
void ShardSum<T>::record_partial(Recorder& r) const {
  if (!parts_) return;
  const std::uint32_t segments = segments_.layout().tile_count();
  PartialSum<T> kernel{{}, segments, segments_.size()};
  for (const ShardRange& range : subtrees_) kernel.trees.emplace_back(range);
  const double mean = static_cast<double>(all_.end) / static_cast<double>(subtrees_.size());
  r.each(*parts_, make_kernel("partial_sum", std::move(kernel), {mean - 1, (mean + 1) * sizeof(T)}),
         read(terms_, tiles([subtrees = subtrees_, segments](TileId t) {
                return tiles_of(subtrees[t.value / segments]);
              })),
         write(*partial_));
}

template <class T>
Access ShardSum<T>::read_partial() const {
  if (!parts_) return read(terms_, tiles([all = all_](TileId) { return tiles_of(all); }));
  const std::uint32_t segments = segments_.layout().tile_count();
  return read(*partial_, tiles([n = subtrees_.size(), segments](TileId t) {
    std::vector<TileId> out;
    for (std::uint32_t k = 0; k < n; ++k) out.push_back(TileId{k * segments + t.value});
    return out;
  }));
}

template <class T>
ShardTotal<T> ShardSum<T>::total() const {
  return {parts_ ? ShardTree(all_, subtrees_) : ShardTree(all_), !parts_};
}

template class ShardSum<float>;
template class ShardSum<double>;

}  // namespace tutti
