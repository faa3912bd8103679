// Which nodes of a plan are replayed as one: decided by what they took when they ran.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "runtime/exec/gate.hpp"
#include "runtime/graph/groups.hpp"
#include "runtime/insight/meter.hpp"

namespace tutti {

/// Counts how long nodes take, and ends a stretch of a run where other groups would do better. A stretch is a
/// number of steps after which all workers have done the same: there, and only there, groups may change. It
/// has no end as long as they are as they should be: whoever comes to where it might end moves that on.
///
/// Threading: start, wants_change and regroup while nothing runs; the others by any worker.
class Grouping {
 public:
  Grouping(const Plan& plan, const StepGate& gate);

  /// A stretch starts at `step`, after `changes` of groups in this run: with each, those that follow are
  /// further apart, so that tasks of changing length do not cost one change after the other.
  void start(std::int64_t step, int changes);
  /// True if enough tasks are shorter, or longer, than their groups are meant for.
  bool wants_change() const;
  /// The groups to go on with. Nothing has been measured of them.
  Groups regroup();

  /// Steps below this one may run, if there are no objections from StepGate. `step` is one that is ready.
  std::int64_t open(std::int64_t step);
  /// One past the last step of this stretch; falls when the stretch ends, and as the gate's limit does.
  std::int64_t limit() const;
  bool has_ended() const { return (horizon_.load(std::memory_order_acquire) & ended) != 0; }
  /// A task of `operation`, or each of a group of `tasks`, was of length `before` and is now of length `now`.
  void count(std::uint32_t operation, std::uint64_t tasks, Length before, Length now);

 private:
  struct Operation {
    std::uint32_t tasks = 0;   ///< that have company
    std::uint32_t groups = 0;  ///< in which these would be
    bool is_grouped = false;
    std::atomic<std::uint32_t> tiny{0};  ///< of the tasks, or groups, as they are now
    std::atomic<std::uint32_t> other{0};
    /// Nodes more or less if it was grouped the other way; 0 if it should stay as it is.
    std::uint32_t gain() const;
  };
  static constexpr std::int64_t ended = 1;
  static constexpr std::int64_t usual_steps = 64;  // of a stretch at least

  const Plan& plan_;
  const StepGate& gate_;
  std::vector<Operation> operations_;
  std::int64_t patience_ = 0;             ///< steps of this stretch at least
  std::uint32_t nodes_ = 0;               ///< as they are now
  std::atomic<std::int64_t> horizon_{0};  ///< 2 x the step where the stretch ends; | ended if that is sure
};

}  // namespace tutti
