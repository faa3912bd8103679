// The parameters of a model: tensors in units, units in groups, groups in segments.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <tutti/tutti.hpp>

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
/// A group is cut into segments of at most `segment_elements`, dealt to the ranks in turn. None of it depends
/// on ranks, but who owns a segment.
class ParameterList {
 public:
  static constexpr std::int64_t segment_elements = 8192;

  explicit ParameterList(std::int64_t group_elements = 16384) : group_elements_(group_elements) {}

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
  std::int64_t elements() const;  ///< of all tensors

 private:
  std::int64_t group_elements_;
  std::vector<Unit> units_;
  std::vector<Placed> tensors_;
  std::vector<std::int64_t> sizes_;  // by group
};

/// The collections behind a list, on one rank.
template <class T>
class Parameters {
 public:
  /// Weights as the list says, from `seed`: the same on all ranks, whatever their number.
  Parameters(const tutti::RankContext& context, const tutti::Shards& shards, const ParameterList& list,
             std::uint64_t seed);

  const ParameterList& list() const { return list_; }
  std::size_t group_count() const { return groups_.size(); }
  const tutti::Replicated<T>& weights(std::uint32_t group) const { return groups_[group].weights; }
  const tutti::Sharded<T>& gradient(std::uint32_t group) const { return groups_[group].gradient; }
  const tutti::ShardSum<T>& sum(std::uint32_t group) const { return groups_[group].sum; }

  /// A tensor's part of this rank's copy of the weights. Between runs only.
  std::span<T> tensor(const ParameterList::Placed& placed) const;
  /// After the weights were changed outside of graphs, on all ranks alike.
  void touch();

 private:
  struct Group {
    tutti::Replicated<T> weights;
    tutti::Sharded<T> gradient;
    tutti::ShardSum<T> sum;
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
