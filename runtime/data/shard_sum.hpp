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
#include "runtime/data/shard_tree.hpp"
#include "runtime/graph/recorder.hpp"

namespace tutti {

/// The tiles of these shards.
std::vector<TileId> tiles_of(const ShardRange& range);
/// The largest subtrees of the tree over `shards` that have all their shards on one rank, in order.
std::vector<ShardRange> subtrees_of_ranks(const Layout& shards);

/// The sum of a Sharded's arrays, in segments. T is float or double.
template <class T>
class ShardSum {
 public:
  /// `segments` cut 0 .. terms.elements().
  ShardSum(const Shards& shards, const Sharded<T>& terms, const Rows& segments, const std::string& label);

  /// Records the partial sums of each rank.
  void record_partial(Recorder& r) const;
  /// What an operation over the segments reads so that its kernel can use total(). T is the type of Inputs.
  Access read_partial() const;
  /// For those kernels.
  ShardTotal<T> total() const;

 private:
  Sharded<T> terms_;
  Rows segments_;
  ShardRange all_;
  std::vector<ShardRange> subtrees_;
  std::optional<Rows> parts_;  // subtree by subtree, segment by segment; none if one rank has all shards
  std::optional<Vector<T>> partial_;  // on parts_
};

}  // namespace tutti
