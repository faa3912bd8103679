// The tree in which terms of shards are added, and the kernels of such sums. Apart from shard_sum.hpp, which
// records them: devices have bodies for these types.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/data/view.hpp"

namespace tutti {

/// Shards begin <= s < end.
struct ShardRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool operator==(const ShardRange&) const = default;
};

/// Part of the binary tree over shards: the sum over a range, given the sums over subtrees of it.
class ShardTree {
 public:
  /// Sums that are open at the same time: the depth of a tree over less than 2^31 shards.
  static constexpr std::size_t most_open = 33;

  ShardTree(const ShardRange& range, const std::vector<ShardRange>& given);
  /// Each shard of the range is given by itself.
  explicit ShardTree(const ShardRange& range);

  /// The tree in the order in which its terms come: after term k, the last two open sums become one, this
  /// many times.
  const std::vector<std::uint8_t>& merges() const { return merges_; }

  /// to[i] = the sum of terms[k][first + i] over the given subtrees k, 0 <= i < count, in the tree's order.
  template <class T>
  void sum(const Inputs<T>& terms, std::int64_t first, std::int64_t count, T* to) const;

  /// Where a range of at least 2 shards splits.
  static std::uint32_t middle(const ShardRange& range);

 private:
  void list(const ShardRange& range, const std::vector<ShardRange>& given);
  std::vector<std::uint8_t> merges_;
};

/// One element of ShardTree::sum, where term(k) is that of subtree k.
template <class T, class Term>
TUTTI_FUNCTION T sum_in_tree(const std::uint8_t* merges, std::uint32_t terms, const Term& term) {
  T open[ShardTree::most_open];
  std::uint32_t top = 0;
  T last = term(0);  // the last open sum; those before it are open[0 .. top - 1]
  for (std::uint32_t k = 1; k < terms; ++k) {
    open[top++] = last;
    last = term(k);
    for (std::uint32_t m = merges[k]; m > 0; --m) last = open[--top] + last;
  }
  return last;
}

/// A kernel over the segments of each rank's subtrees, subtree by subtree: a piece of a subtree's sum, from
/// the terms of its shards.
template <class T>
struct PartialSum {
  std::vector<ShardTree> trees;  ///< by subtree
  std::uint32_t segments;
  std::int64_t elements;  ///< of all segments

  std::uint32_t subtree(const Task& task) const { return task.tile.value / segments; }
  /// The first element of the terms that the piece has.
  std::int64_t first(const Task& task) const { return task.box.lo[2] - subtree(task) * elements; }
  void operator()(const Task& task, Inputs<T> terms, Out<T> partial) const {
    trees[subtree(task)].sum(terms, first(task), task.box.extent(2), partial.data);
  }
};

/// A value for kernels that copies the sum over all shards of a segment, `box` in Task, to `to`.
template <class T>
struct ShardTotal {
  ShardTree tree;
  bool is_direct;  ///< the terms themselves are read

  /// The first element of the terms that the segment has.
  std::int64_t first(const Box& segment) const { return is_direct ? segment.lo[2] : 0; }
  void operator()(const Inputs<T>& partial, const Box& segment, T* to) const {
    tree.sum(partial, first(segment), segment.extent(2), to);
  }
};

}  // namespace tutti
