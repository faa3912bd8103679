// Dense layers with ReLU between.
#include <cmath>

#include "miniapps/train/model.hpp"
#include "runtime/error.hpp"

using tutti::Sharded;

namespace {

/// Layers with fewer parameters than this in all are one group, and then one task: a task for each would cost
/// more than it computes.
constexpr std::int64_t small_elements = 32768;
constexpr std::int64_t small_segment = 7168;  // of that group, so that it changes on several workers at once

}  // namespace

template <class T>
void Model<T>::build_mlp() {
  list_ = ParameterList(small_elements, small_segment);
  std::vector<std::int64_t> widths{config_.features};
  widths.insert(widths.end(), config_.hidden.begin(), config_.hidden.end());
  widths.push_back(config_.classes);
  std::vector<std::uint32_t> units;
  // deviations keep the variance through ReLU (He et al., ICCV 2015); the logits start small
  for (std::size_t i = 0; i + 1 < widths.size(); ++i)
    units.push_back(
        add_linear(fmt::format("dense{}", i), widths[i], widths[i + 1],
                   (i + 2 == widths.size() ? 0.1 : 1) * std::sqrt(2.0 / static_cast<double>(widths[i]))));
  if (!config_.is_stacked || list_.group_sizes().size() > 1) {
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
  if (shards_.context().ranks == 1) stack_sum_.emplace(shards_, stack, trace);
}

template void Model<float>::build_mlp();
template void Model<double>::build_mlp();
