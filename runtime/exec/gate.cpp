#include "runtime/exec/gate.hpp"

#include <algorithm>

namespace tutti {
namespace {

void lower_to(std::atomic<std::int64_t>& value, std::int64_t bound) {
  std::int64_t now = value.load();
  while (bound < now && !value.compare_exchange_weak(now, bound)) {
  }
}
void raise_to(std::atomic<std::int64_t>& value, std::int64_t bound) {
  std::int64_t now = value.load();
  while (bound > now && !value.compare_exchange_weak(now, bound)) {
  }
}

}  // namespace

StepGate::StepGate(const Plan& plan) : plan_(plan) {
  period_ = static_cast<std::int64_t>(plan.program->record->phases.size());
  for (const BoundOperation& op : plan.program->operations) {
    if (op.operation->kind != OperationKind::stop_when || op.copy >= period_) continue;
    auto d = std::make_unique<Decider>();
    d->statement = op.statement;
    d->phase = op.copy;
    d->lag = op.operation->lag;
    deciders_.push_back(std::move(d));
  }
}

void StepGate::start(std::int64_t first, std::int64_t count) {
  limit_ = first + count;
  hold_ = std::numeric_limits<std::int64_t>::max();
  for (auto& d : deciders_) {
    const std::int64_t wait = ((d->phase - first) % period_ + period_) % period_;  // until its first decision
    d->allowed = first + wait + 1 + d->lag;
  }
  open_ = first;
  update();
}

void StepGate::decide(const PlanNode& node, std::int64_t step, bool stop) {
  const std::uint32_t statement = plan_.program->operations[node.operation].statement;
  for (auto& d : deciders_) {
    if (d->statement != statement) continue;
    if (stop)
      lower_to(limit_, step + 1 + d->lag);
    else
      raise_to(d->allowed, step + period_ + 1 + d->lag);
  }
  update();
}

void StepGate::end_at(std::int64_t limit) {
  lower_to(limit_, limit);
  update();
}

void StepGate::hold_at(std::int64_t step) {
  hold_ = step;
  open_ = std::numeric_limits<std::int64_t>::min();  // it may have been open further
  update();
}

// The gate only rises within a run: what a stop forbids had not been opened yet. The limit is read last:
// whoever sees what a decision after the stop allowed also sees the lower limit.
void StepGate::update() {
  std::int64_t open = hold_;
  for (const auto& d : deciders_) open = std::min(open, d->allowed.load());
  raise_to(open_, std::min(open, limit_.load()));
}

}  // namespace tutti
