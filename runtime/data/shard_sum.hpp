// Sums over the shards of a batch, element by element, with the same bits on any number of ranks: gradients.
//
// The terms are added in a binary tree that the number of shards alone fixes: a range of shards splits at the
// largest power of two below its length. Each rank adds up the largest subtrees that lie within its own
// shards; the owner of a segment reads those of all ranks and adds up the rest. So of n elements a rank sends
// those that others own, once for each of its subtrees (one, if ranks divide the shards), as soon as they are
// complete: a reduce-scatter, made of ordinary operations.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/data/replicated.hpp"
#include "runtime/graph/recorder.hpp"

namespace tutti {

/// Shards begin <= s < end.
struct ShardRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool operator==(const ShardRange&) const = default;
};

/// Part of the tree over shards: the sum over `range`, given the sums over the subtrees `given`.
class ShardTree {
 public:
  ShardTree(ShardRange range, std::vector<ShardRange> given) : range_(range), given_(std::move(given)) {}
  const std::vector<ShardRange>& given() const { return given_; }

  /// to[i] = the sum of terms[k][first + i] over the given subtrees k, 0 <= i < count, in the tree's order.
  template <class T>
  void sum(const Inputs<T>& terms, std::int64_t first, std::int64_t count, T* to) const;

  /// Where a range of at least 2 shards splits.
  static std::uint32_t middle(const ShardRange& range);
  /// The largest subtrees of the tree over `shards` that have all their shards on one rank, in order.
  static std::vector<ShardRange> subtrees_of_ranks(const Layout& shards);

 private:
  ShardRange range_;
  std::vector<ShardRange> given_;
};

/// The sum of a Sharded's arrays, in segments. T is float or double.
template <class T>
class ShardSum {
 public:
  /// `segments` cut 0 .. terms.elements().
  ShardSum(const Shards& shards, const Sharded<T>& terms, const Rows& segments, const std::string& label);

  /// Records the partial sums of each rank.
  void record_partial(Recorder& r) const;
  /// What an operation over the segments reads so that its kernel can call total(). T is the type of Inputs.
  Access read_partial() const;
  /// A value for kernels that copies the sum over all shards of a segment, `box` in Task, to `to`.
  class Total {
   public:
    void operator()(const Inputs<T>& partial, const Box& segment, T* to) const {
      tree_.sum(partial, is_direct_ ? segment.lo[2] : 0, segment.extent(2), to);
    }

   private:
    friend class ShardSum;
    Total(ShardTree tree, bool is_direct) : tree_(std::move(tree)), is_direct_(is_direct) {}
    ShardTree tree_;
    bool is_direct_;  // the terms themselves are read
  };
  Total total() const;

 private:
  Sharded<T> terms_;
  Rows segments_;
  ShardRange all_;
  std::vector<ShardRange> subtrees_;
  std::optional<Rows> parts_;  // subtree by subtree, segment by segment; none if one rank has all shards
  std::optional<Vector<T>> partial_;  // on parts_
};

}  // namespace tutti
