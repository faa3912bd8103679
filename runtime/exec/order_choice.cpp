#include "runtime/exec/order_choice.hpp"

#include <algorithm>
#include <numeric>

#include "runtime/insight/clock.hpp"

namespace tutti {
namespace {

constexpr double node_cost_s = 30e-9;       // beside its kernel
constexpr double stealing_wins_s = 1e-6;    // if a worker has so much more to do in a step than the others
constexpr double stealing_wins_part = 1.2;  // and so many times as much
constexpr double overloaded_part = 1.1;     // of what workers have to do on average
constexpr double single_may_win = 3;        // if all have at most so many times as much to do as the busiest
constexpr double short_step_s = 100e-6;     // of all nodes: others than the likeliest order may be tried,
constexpr double stays_short_part = 1.5;    // until they take so many times as much
constexpr double wins_part = 0.95;          // of the likeliest one's time, if another takes at most so much
constexpr double changed_part = 1.5;        // of the time that a step took, or the other way round: try again
constexpr std::int64_t longest_pause = 1 << 16;

}  // namespace

OrderChoice::OrderChoice(Team& team, const Profile& profile, Order wanted)
    : team_(team),
      profile_(profile),
      wanted_(wanted == Order::single && !team.plan.messages.empty() ? Order::fixed : wanted),
      load_s_(team.workers.size()),
      seen_(team.nodes.size()) {}

OrderChoice::Segment OrderChoice::first(std::int64_t step) {
  chunk_ = chunk;
  step_ = step;
  return begin();
}

OrderChoice::Segment OrderChoice::next(std::int64_t step, double took_s) {
  const std::int64_t steps = step - step_;
  step_ = step;
  if (wanted_ == Order::automatic && candidates_.count > 1 && steps > 0) took(steps, took_s);
  return begin();
}

void OrderChoice::took(std::int64_t steps, double s) {
  if (!contest_.decided()) {
    contest_.took(steps, s);
    if (contest_.decided()) decide();
    return;
  }
  lately_.add(steps, s);
  if (!lately_.is_over()) return;
  if (lately_.step_s() > changed_part * winner_s_ || winner_s_ > changed_part * lately_.step_s()) {
    contest_at_ = step_;
    pause_ = pause;
  }
  lately_ = {};
}

OrderChoice::Segment OrderChoice::begin() {
  const std::int64_t copies = team_.plan.copies_per_cycle();
  if (wanted_ == Order::fixed || wanted_ == Order::single) return {wanted_, forever};
  if ((step_ >= look_at_ && !contest_.is_within_turn()) || saw_long_nodes()) {
    look_at_nodes();
    look_at_ = step_ + (candidates_[0] == Order::free ? 0 : trial * copies);
  }
  if (wanted_ == Order::free || (candidates_.count == 1 && winner_ == Order::free))
    return {Order::free, step_ < trials_end ? 2 * step_ + trial + copies : forever};
  const bool several = candidates_.count > 1;
  if (several && contest_.decided() && step_ >= contest_at_) contest_.start(candidates_.count);
  if (several && !contest_.decided()) return {candidates_[contest_.way()], step_ + contest_.steps()};
  const std::int64_t end = step_ + chunk_;
  chunk_ *= 16;  // to meet between segments takes some time
  return {winner_, several ? std::min(end, contest_at_) : end};
}

// Another order than the likeliest has to win twice in a row, since all of one contest may have been
// disturbed alike. The next contest is the later, the longer the same order has won, unless its steps come to
// take another time: cores, their neighbours and the work itself change.
void OrderChoice::decide() {
  const Order best = candidates_[contest_.winner(wins_part)];
  const bool is_sure = best == winner_ || best == candidates_[0] || best == rival_;
  pause_ = best == winner_ ? std::min(4 * pause_, longest_pause) : pause;
  if (is_sure) winner_ = best;
  rival_ = best;
  const auto way = std::find(candidates_.begin(), candidates_.end(), winner_) - candidates_.begin();
  winner_s_ = contest_.step_s(static_cast<std::size_t>(way));
  const double steps = static_cast<double>(pause_) * Turn::shortest_s / winner_s_;
  contest_at_ = step_ + static_cast<std::int64_t>(steps) + 1;
  lately_ = {};
}

bool OrderChoice::saw_long_nodes() const {
  return std::any_of(team_.workers.begin(), team_.workers.end(),
                     [](const auto& w) { return w->saw_long_node; });
}

void OrderChoice::look_at_nodes() {
  for (auto& w : team_.workers) w->saw_long_node = false;
  std::fill(load_s_.begin(), load_s_.end(), 0);
  bool all_brief = true, all_measured = true;
  for (std::size_t n = 0; n < team_.nodes.size(); ++n) {
    measure(n);
    all_brief = all_brief && team_.nodes[n].length == Length::brief;
    all_measured = all_measured && team_.took_s[n] > 0;
    load_s_[team_.nodes[n].home] += node_cost_s + team_.took_s[n];
  }
  const double sum_s = std::accumulate(load_s_.begin(), load_s_.end(), 0.0);
  const double mean_s = sum_s / static_cast<double>(load_s_.size());
  const double most_s = *std::max_element(load_s_.begin(), load_s_.end());
  for (std::size_t w = 0; w < load_s_.size(); ++w)
    team_.overloaded[w] = load_s_[w] > overloaded_part * mean_s;
  team_.uneven = team_.steals && most_s > overloaded_part * mean_s;
  const auto copies = static_cast<double>(team_.plan.copies_per_cycle());
  const bool stealing_wins =
      team_.steals && most_s >= stealing_wins_part * mean_s && most_s - mean_s >= stealing_wins_s * copies;

  const bool one_worker = load_s_.size() == 1;
  const bool likely_fixed = all_brief && !stealing_wins && !team_.oversubscribed;
  Candidates candidates;
  candidates.add(likely_fixed ? Order::fixed : Order::free);
  const double short_s = (candidates_.count > 1 ? stays_short_part : 1) * short_step_s * copies;
  if (all_measured && sum_s <= short_s && team_.plan.messages.empty() && (team_.steals || one_worker) &&
      !team_.oversubscribed) {
    candidates.add(likely_fixed ? Order::free : Order::fixed);
    if (!one_worker && sum_s <= single_may_win * most_s) candidates.add(Order::single);
  }
  if (std::is_permutation(candidates.begin(), candidates.end(), candidates_.begin(), candidates_.end()))
    return;
  candidates_ = candidates;
  winner_ = rival_ = candidates_[0];
  pause_ = pause;
  contest_.start(candidates_.count);
}

// Takes in what was measured since the last look; the profile may begin anew.
void OrderChoice::measure(std::size_t node) {
  const NodeTime now = profile_.nodes[node];
  NodeTime& before = seen_[node];
  if (now.samples < before.samples) before = {};
  if (now.samples > before.samples)
    team_.took_s[node] =
        static_cast<float>(std::max(1e-9, static_cast<double>(now.ticks - before.ticks) /
                                              (now.samples - before.samples) * seconds_per_tick()));
  before = now;
}

}  // namespace tutti
