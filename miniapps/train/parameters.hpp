// The parameters of a model: tensors in units, units in groups, groups in segments.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <tutti/tutti.hpp>

#include "kernels/nn/dense_stack.hpp"

namespace nn = tutti::kernels::nn;

/// One parameter tensor and how it starts.
struct Tensor {
  std::string name;
  std::vector<std::int64_t> shape;
  double deviation = 0;  ///< starts from a normal distribution with this deviation around `mean`
  double mean = 0;
  bool decays = false;  ///< whether weight decay applies

  std::int64_t elements() const;
};

/// Which tensors a model has and where they lie. A unit is what one layer has: its tensors follow each other.
/// Units are reduced and updated in groups, as soon as the last gradient of the group is there: a unit of
/// `group_elements` or more is one, consecutive smaller ones share one, so that small layers share messages.
/// A group is cut into segments of at most `segment_elements`; they are dealt to the ranks in turn. None of
/// it depends on ranks, but who owns a segment.
class ParameterList {
 public:
  explicit ParameterList(std::int64_t group_elements = 16384, std::int64_t segment_elements = 8192)
      : group_elements_(group_elements), segment_elements_(segment_elements) {}

  struct Unit {
    std::uint32_t group = 0;
    std::vector<std::int64_t> offsets;  ///< of each tensor, in elements of the group
  };
  struct Placed {
    Tensor tensor;
    std::uint32_t group = 0;
    std::int64_t offset = 0;
  };

  /// Declares the tensors of the next unit; layers keep the number. Throws Error(usage) for a tensor of 2^31
  /// elements or more.
  std::uint32_t add(const std::vector<Tensor>& tensors);

  const Unit& unit(std::uint32_t number) const { return units_[number]; }
  std::size_t unit_count() const { return units_.size(); }
  const std::vector<Placed>& tensors() const { return tensors_; }
  const std::vector<std::int64_t>& group_sizes() const { return sizes_; }
  std::int64_t segments(std::size_t group) const {
    return (sizes_[group] + segment_elements_ - 1) / segment_elements_;
  }
  std::int64_t elements() const;  ///< of all tensors

 private:
  std::int64_t group_elements_, segment_elements_;
  std::vector<Unit> units_;
  std::vector<Placed> tensors_;
  std::vector<std::int64_t> sizes_;  // by group
};

/// The sum over shards of a gradient that a stack of layers leaves in the shards' traces: as ShardSum, but it
/// is formed where it is used. For one rank, which has all of them.
template <class T>
class StackSum {
 public:
  StackSum(const tutti::Shards& shards, const nn::DenseStack& stack, const tutti::Sharded<T>& trace);

  void record_partial(tutti::Recorder& /*r*/) const {}
  tutti::Access read_partial() const;
  const nn::DenseStackGradient<T>& total() const { return total_; }
  /// Operations for one element.
  double flops() const { return 2.0 * static_cast<double>(total_.stack.layers[0].shape.rows * shards_); }

 private:
  std::uint32_t shards_;
  tutti::Sharded<T> trace_;
  nn::DenseStackGradient<T> total_;
};

/// The collections behind a list, on one rank.
template <class T>
class Parameters {
 public:
  /// Weights as the list says, from `seed`: the same on all ranks, whatever their number. `stack`: what adds
  /// up the gradient of group 0, of which no shard has its part in memory then.
  Parameters(const tutti::RankContext& context, const tutti::Shards& shards, const ParameterList& list,
             std::uint64_t seed, const std::optional<StackSum<T>>& stack = {});

  const ParameterList& list() const { return list_; }
  std::size_t group_count() const { return groups_.size(); }
  const tutti::Replicated<T>& weights(std::uint32_t group) const { return groups_[group].weights; }
  /// Each shard's part of the gradient; there is none where a StackSum adds it up.
  const tutti::Sharded<T>& gradient(std::uint32_t group) const { return groups_[group].gradient.value(); }
  const std::variant<tutti::ShardSum<T>, StackSum<T>>& sum(std::uint32_t group) const {
    return groups_[group].sum;
  }

  /// A tensor's part of this rank's copy of the weights. Between runs only.
  std::span<T> tensor(const ParameterList::Placed& placed) const;
  /// After the weights were changed outside of graphs, on all ranks alike.
  void touch();

 private:
  struct Group {
    tutti::Replicated<T> weights;
    std::optional<tutti::Sharded<T>> gradient;
    std::variant<tutti::ShardSum<T>, StackSum<T>> sum;
  };
  ParameterList list_;
  std::vector<Group> groups_;
};

/// Calls back when the gradient of a group is complete, while the backward pass is recorded.
template <class T>
class GradientsDone {
 public:
  using Callback = std::function<void(tutti::Recorder&, std::uint32_t group)>;
  GradientsDone(const ParameterList& list, Callback callback);
  /// The recorder has all that adds to this unit's gradient.
  void unit(tutti::Recorder& r, std::uint32_t number);

 private:
  const ParameterList& list_;
  Callback callback_;
  std::vector<std::size_t> open_;  // units, by group
};
