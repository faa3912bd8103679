#include "runtime/exec/order_choice.hpp"

#include <algorithm>

#include "runtime/insight/clock.hpp"

namespace tutti {
namespace {

constexpr double node_cost_s = 30e-9;       // beside its kernel
constexpr double stealing_wins_s = 1e-6;    // if a worker has so much more to do in a step than the others
constexpr double stealing_wins_part = 1.2;  // and so many times as much

}  // namespace

OrderChoice::Segment OrderChoice::first(std::int64_t step) {
  chunk_ = chunk;
  return next(step);
}

OrderChoice::Segment OrderChoice::next(std::int64_t step) {
  if (wanted_ != Order::automatic) return {fixed_, forever};
  const std::int64_t copies = team_.plan.copies_per_cycle();
  if (step >= look_at_ || saw_long_nodes()) {
    fixed_ = suits_fixed_order();
    look_at_ = step + (fixed_ ? trial * copies : 0);
  }
  if (!fixed_) return {false, step < trials_end ? 2 * step + trial + copies : forever};
  const std::int64_t steps = chunk_;
  chunk_ *= 16;  // to meet between segments takes some us
  return {true, step + steps};
}

bool OrderChoice::saw_long_nodes() const {
  return std::any_of(team_.workers.begin(), team_.workers.end(),
                     [](const auto& w) { return w->saw_long_node; });
}

bool OrderChoice::suits_fixed_order() {
  for (auto& w : team_.workers) w->saw_long_node = false;
  if (team_.oversubscribed) return false;
  for (const HotNode& hot : team_.nodes)
    if (hot.length != Length::brief) return false;
  if (!team_.steals) return true;
  std::fill(load_s_.begin(), load_s_.end(), 0);
  for (std::size_t n = 0; n < team_.nodes.size(); ++n) {
    const NodeTime& time = profile_.nodes[n];
    load_s_[team_.nodes[n].home] += node_cost_s;
    if (time.samples > 0)
      load_s_[team_.nodes[n].home] += static_cast<double>(time.ticks) / time.samples * seconds_per_tick();
  }
  double sum_s = 0;
  for (const double load : load_s_) sum_s += load;
  const double mean_s = sum_s / static_cast<double>(load_s_.size());
  const double most_s = *std::max_element(load_s_.begin(), load_s_.end());
  return most_s < stealing_wins_part * mean_s ||
         most_s - mean_s < stealing_wins_s * team_.plan.copies_per_cycle();
}

}  // namespace tutti
