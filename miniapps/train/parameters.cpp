#include "miniapps/train/parameters.hpp"

#include <algorithm>

#include "kernels/nn/random.hpp"
#include "runtime/error.hpp"

using namespace tutti;

std::int64_t Tensor::elements() const {
  std::int64_t n = 1;
  for (const std::int64_t extent : shape) {
    n *= extent;
    if (n >= std::int64_t{1} << 31)
      usage_error("parameter '{}' has 2^31 elements or more; make the model smaller", name);
  }
  return n;
}

std::uint32_t ParameterList::add(const std::vector<Tensor>& tensors) {
  std::int64_t elements = 0;
  for (const Tensor& t : tensors) elements += t.elements();
  if (sizes_.empty() || sizes_.back() >= group_elements_ || elements >= group_elements_) sizes_.push_back(0);
  Unit unit{static_cast<std::uint32_t>(sizes_.size() - 1), {}};
  for (const Tensor& t : tensors) {
    unit.offsets.push_back(sizes_.back());
    tensors_.push_back({t, unit.group, sizes_.back()});
    sizes_.back() += t.elements();
  }
  units_.push_back(unit);
  return static_cast<std::uint32_t>(units_.size() - 1);
}

std::int64_t ParameterList::elements() const {
  std::int64_t n = 0;
  for (const std::int64_t size : sizes_) n += size;
  return n;
}

namespace {

/// Cuts groups and deals their segments: the ranks take turns, each with consecutive segments of a group.
class SegmentDealer {
 public:
  explicit SegmentDealer(const RankContext& context) : context_(context) {}

  Rows deal(std::int64_t elements, std::int64_t count) {
    // equal parts, in multiples of a cache line
    const std::int64_t length = ((elements + count - 1) / count + 15) / 16 * 16;
    std::vector<std::int64_t> bounds;
    for (std::int64_t at = 0; at < elements; at += length) bounds.push_back(at);
    const auto segments = static_cast<std::uint32_t>(bounds.size());
    bounds.push_back(elements);
    const std::uint32_t takers = std::min(segments, context_.ranks);
    std::vector<RankId> owners;
    for (std::uint32_t s = 0; s < segments; ++s)
      owners.emplace_back((next_ + std::uint64_t{s} * takers / segments) % context_.ranks);
    next_ = (next_ + takers) % context_.ranks;
    return {context_, std::move(bounds), owners};
  }

 private:
  RankContext context_;
  std::uint32_t next_ = 0;
};

}  // namespace

template <class T>
StackSum<T>::StackSum(const Shards& shards, const nn::DenseStack& stack, const Sharded<T>& trace)
    : shards_(shards.layout().tile_count()),
      trace_(trace),
      total_{stack, ShardTree({0, shards.layout().tile_count()})} {}

template <class T>
Access StackSum<T>::read_partial() const {
  return read(trace_, tiles([all = ShardRange{0, shards_}](TileId) { return tiles_of(all); }));
}

template <class T>
Parameters<T>::Parameters(const RankContext& context, const Shards& shards, const ParameterList& list,
                          std::uint64_t seed, const std::optional<StackSum<T>>& stack)
    : list_(list) {
  SegmentDealer dealer(context);
  for (std::size_t g = 0; g < list.group_sizes().size(); ++g) {
    const Rows segments = dealer.deal(list.group_sizes()[g], list.segments(g));
    const Replicated<T> weights(segments, fmt::format("parameters {}", g));
    if (stack && g == 0) {
      groups_.push_back({weights, std::nullopt, *stack});
      continue;
    }
    const Sharded<T> gradient(shards, segments.size(), fmt::format("gradient {}", g));
    groups_.push_back(
        {weights, gradient, ShardSum<T>(shards, gradient, segments, fmt::format("partial gradient {}", g))});
  }
  std::uint64_t first = 0;
  for (const auto& placed : list_.tensors()) {
    const std::span<T> values = tensor(placed);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<T>(placed.tensor.mean +
                                 (placed.tensor.deviation > 0
                                      ? placed.tensor.deviation * random_numbers::normal(seed, first + i)
                                      : 0));
    first += values.size();
  }
  touch();
}

template <class T>
std::span<T> Parameters<T>::tensor(const ParameterList::Placed& placed) const {
  return groups_[placed.group].weights.all().subspan(static_cast<std::size_t>(placed.offset),
                                                     static_cast<std::size_t>(placed.tensor.elements()));
}

template <class T>
void Parameters<T>::touch() {
  for (Group& g : groups_) g.weights.touch();
}

template <class T>
GradientsDone<T>::GradientsDone(const ParameterList& list, Callback callback)
    : list_(list), callback_(std::move(callback)), open_(list.group_sizes().size(), 0) {
  for (std::uint32_t u = 0; u < list.unit_count(); ++u) ++open_[list.unit(u).group];
}

template <class T>
void GradientsDone<T>::unit(Recorder& r, std::uint32_t number) {
  const std::uint32_t group = list_.unit(number).group;
  if (--open_[group] == 0) callback_(r, group);
}

template class StackSum<float>;
template class StackSum<double>;
template class Parameters<float>;
template class Parameters<double>;
template class GradientsDone<float>;
template class GradientsDone<double>;
