#include "runtime/exec/grouping.hpp"

#include <algorithm>

namespace tutti {
namespace {

// Larger ones save less than what the tasks of other workers then wait for.
constexpr std::uint32_t largest_group = 4;

}  // namespace

Grouping::Grouping(const Plan& plan, const StepGate& gate)
    : plan_(plan), gate_(gate), operations_(plan.program->operations.size()) {
  const Groups all = make_groups(
      plan, [](std::uint32_t) { return true; }, largest_group);
  for (std::uint32_t g = 0; g < all.size(); ++g) {
    const std::uint32_t count = all.first_member[g + 1] - all.first_member[g];
    if (count == 1) continue;
    Operation& o = operations_[plan.nodes[all.members[all.first_member[g]]].operation];
    o.tasks += count;
    ++o.groups;
  }
}

void Grouping::start(std::int64_t step, int changes) {
  // two cycles: by then all has been measured
  patience_ = (2 * static_cast<std::int64_t>(plan_.copies_per_cycle())) << std::min(2 * changes, 12);
  horizon_.store(2 * (step + patience_));
}

std::uint32_t Grouping::Operation::gain() const {
  const std::uint32_t mismatches = is_grouped ? other : tiny;
  return 2 * mismatches > (is_grouped ? groups : tasks) ? tasks - groups : 0;
}

bool Grouping::wants_change() const {
  std::uint32_t gain = 0;
  for (const Operation& o : operations_) gain += o.gain();
  return gain > 0 && gain >= nodes_ / 8;
}

Groups Grouping::regroup() {
  for (Operation& o : operations_) {
    if (o.gain() > 0) o.is_grouped = !o.is_grouped;
    o.tiny = 0;
    o.other = 0;
  }
  Groups groups = make_groups(
      plan_, [&](std::uint32_t operation) { return operations_[operation].is_grouped; }, largest_group);
  nodes_ = groups.size();
  return groups;
}

std::int64_t Grouping::open(std::int64_t step) {
  const std::int64_t steps = std::max(usual_steps, patience_);
  std::int64_t horizon = horizon_.load(std::memory_order_acquire);
  while (step >= horizon / 2 && step < gate_.limit() && (horizon & ended) == 0) {
    const std::int64_t next = wants_change() ? horizon | ended : 2 * (step + steps);
    if (horizon_.compare_exchange_weak(horizon, next)) horizon = next;
  }
  return std::min(gate_.open(), horizon / 2);
}

std::int64_t Grouping::limit() const {
  const std::int64_t horizon = horizon_.load(std::memory_order_acquire);
  const std::int64_t limit = gate_.limit();
  return (horizon & ended) != 0 ? std::min(limit, horizon / 2) : limit;
}

void Grouping::count(std::uint32_t operation, std::uint64_t tasks, Length before, Length now) {
  Operation& o = operations_[operation];
  if (o.is_grouped && tasks == 1) return;  // without company
  if (before != Length::unknown) --(before == Length::tiny ? o.tiny : o.other);
  ++(now == Length::tiny ? o.tiny : o.other);
}

}  // namespace tutti
