// Dense layers with ReLU between.
#include <cmath>
#include <limits>

#include "miniapps/train/model.hpp"
#include "runtime/error.hpp"

using tutti::Sharded;

namespace {

/// Layers with fewer parameters than this in all are one group, and then one task: a task for each would cost
/// more than it computes.
constexpr std::int64_t small_elements = 32768;
// Elements of a segment of that group: few, so that it changes on several workers at once, or all of it.
constexpr std::int64_t small_segment = 2048, whole_segment = std::numeric_limits<std::int32_t>::max();

std::vector<std::int64_t> widths_of(const ModelConfig& config) {
  std::vector<std::int64_t> widths{config.features};
  widths.insert(widths.end(), config.hidden.begin(), config.hidden.end());
  widths.push_back(config.classes);
  return widths;
}

}  // namespace

bool is_small_stack(const ModelConfig& config) {
  const std::vector<std::int64_t> widths = widths_of(config);
  std::int64_t before_last = 0;
  for (std::size_t i = 0; i + 2 < widths.size(); ++i) before_last += (widths[i] + 1) * widths[i + 1];
  return config.is_stacked && before_last < small_elements;
}

template <class T>
void Model<T>::build_mlp() {
  list_ = ParameterList(small_elements, shards_per_task_ == 1 ? small_segment : whole_segment);
  const std::vector<std::int64_t> widths = widths_of(config_);
  std::vector<std::uint32_t> units;
  // deviations keep the variance through ReLU (He et al., ICCV 2015); the logits start small
  for (std::size_t i = 0; i + 1 < widths.size(); ++i)
    units.push_back(
        add_linear(fmt::format("dense{}", i), widths[i], widths[i + 1],
                   (i + 2 == widths.size() ? 0.1 : 1) * std::sqrt(2.0 / static_cast<double>(widths[i]))));
  if (!is_small_stack(config_)) {
    add_dense(*input_, std::nullopt, widths, units);
    return;
  }
  nn::DenseStack stack;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto& at = list_.unit(units[i]).offsets;
    stack.layers.push_back({{samples_, widths[i], widths[i + 1]}, at[0], at[1]});
  }
  const Sharded<T> trace = make(stack.trace(), "trace");
  layers_.push_back(make_dense_stack<T>(stack, units, *input_, trace, *logits_));
  // among several ranks, sums of gradients travel instead
  if (shards_.context().ranks == 1) stack_sum_.emplace(shards_, shards_per_task_, stack, trace);
}

template void Model<float>::build_mlp();
template void Model<double>::build_mlp();
