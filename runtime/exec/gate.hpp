// How far any node may go: the limit of a run, and the decisions of stop_when.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <vector>

#include "runtime/graph/plan.hpp"

namespace tutti {

/// Steps below open() may run. Each stop_when holds back the steps that its next decision could still forbid:
/// the decision of step k takes effect after step k + lag. All ranks decide alike, so all stop alike.
/// A decision counts for its own run only. decide() is called by one thread at a time per stop_when; open()
/// and limit() by anybody.
class StepGate {
 public:
  explicit StepGate(const Plan& plan);

  /// Opens the gate for steps [first, first + count).
  void start(std::int64_t first, std::int64_t count);
  /// Takes the decision of the stop_when at `node` for step `step`.
  void decide(const PlanNode& node, std::int64_t step, bool stop);
  /// A device has taken all decisions, and ended the run before step `limit`.
  void end_at(std::int64_t limit);
  /// Opens the gate only as far as step `step` until the next hold_at(). Between executions.
  void hold_at(std::int64_t step);

  std::int64_t open() const { return open_.load(std::memory_order_acquire); }
  /// One past the last step of this run; falls when a stop_when ends it.
  std::int64_t limit() const { return limit_.load(std::memory_order_acquire); }
  /// One past the last step before the hold, or of the run, whichever comes first.
  std::int64_t goal() const { return std::min(limit(), hold_); }

 private:
  struct Decider {
    std::uint32_t statement = 0;
    std::int64_t phase = 0;  ///< it decides at the steps k with k % period == phase
    std::int64_t lag = 0;
    std::atomic<std::int64_t> allowed{0};
  };
  void update();

  const Plan& plan_;
  std::int64_t period_ = 1;
  std::vector<std::unique_ptr<Decider>> deciders_;
  std::atomic<std::int64_t> open_{0};
  std::atomic<std::int64_t> limit_{0};
  std::int64_t hold_ = std::numeric_limits<std::int64_t>::max();
};

}  // namespace tutti
