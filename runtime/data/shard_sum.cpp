#include "runtime/data/shard_sum.hpp"

#include <array>
#include <bit>

#include "runtime/error.hpp"

namespace tutti {
namespace {

// Elements that are added up at a time: what is between terms and sum stays in the first-level cache.
constexpr std::int64_t stretch = 256;
// Sums that are open at the same time: the depth of a tree over less than 2^31 shards.
constexpr std::size_t most_open = 33;

/// Adds up one stretch.
template <class T>
class Adder {
 public:
  Adder(const std::vector<ShardRange>& given, const Inputs<T>& terms) : given_(given), terms_(terms) {}

  /// Returns where the sum is: a term, or `to`.
  const T* sum(const ShardRange& range, std::int64_t first, std::int64_t count, T* to) {
    next_ = 0;
    return add(range, first, count, to, 0);
  }

 private:
  const T* add(const ShardRange& range, std::int64_t first, std::int64_t count, T* to, std::size_t open) {
    if (given_[next_] == range) return terms_[next_++].data + first;
    const std::uint32_t middle = ShardTree::middle(range);
    const T* left = add({range.begin, middle}, first, count, to, open);
    const T* right = add({middle, range.end}, first, count, scratch_[open].data(), open + 1);
    for (std::int64_t i = 0; i < count; ++i) to[i] = left[i] + right[i];
    return to;
  }

  const std::vector<ShardRange>& given_;
  const Inputs<T>& terms_;
  std::size_t next_ = 0;
  std::array<std::array<T, stretch>, most_open> scratch_;
};

}  // namespace

std::uint32_t ShardTree::middle(const ShardRange& range) {
  return range.begin + std::bit_floor(range.end - range.begin - 1);
}

template <class T>
void ShardTree::sum(const Inputs<T>& terms, std::int64_t first, std::int64_t count, T* to) const {
  Adder<T> adder(given_, terms);
  for (std::int64_t i = 0; i < count; i += stretch) {
    const std::int64_t n = std::min(stretch, count - i);
    const T* from = adder.sum(range_, first + i, n, to + i);
    if (from != to + i) std::copy(from, from + n, to + i);
  }
}

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

/// A piece of a subtree's sum: reads the terms of the subtree's shards from `offset` on.
template <class T>
struct PartialSum {
  std::vector<ShardTree> trees;  // by subtree
  std::uint32_t segments;
  std::int64_t elements;
  void operator()(const Task& task, Inputs<T> terms, Out<T> partial) const {
    const std::uint32_t subtree = task.tile.value / segments;
    trees[subtree].sum(terms, task.box.lo[2] - subtree * elements, task.box.extent(2), partial.data);
  }
};

std::vector<ShardRange> leaves(const ShardRange& range) {
  std::vector<ShardRange> out;
  for (std::uint32_t s = range.begin; s < range.end; ++s) out.push_back({s, s + 1});
  return out;
}

std::vector<TileId> tiles_of(const ShardRange& range) {
  std::vector<TileId> out;
  for (std::uint32_t s = range.begin; s < range.end; ++s) out.push_back(TileId{s});
  return out;
}

}  // namespace

std::vector<ShardRange> ShardTree::subtrees_of_ranks(const Layout& shards) {
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
      subtrees_(ShardTree::subtrees_of_ranks(shards.layout())) {
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
  for (const ShardRange& range : subtrees_) kernel.trees.emplace_back(range, leaves(range));
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
typename ShardSum<T>::Total ShardSum<T>::total() const {
  return {ShardTree(all_, parts_ ? subtrees_ : leaves(all_)), !parts_};
}

template void ShardTree::sum(const Inputs<float>&, std::int64_t, std::int64_t, float*) const;
template void ShardTree::sum(const Inputs<double>&, std::int64_t, std::int64_t, double*) const;
template class ShardSum<float>;
template class ShardSum<double>;

}  // namespace tutti
