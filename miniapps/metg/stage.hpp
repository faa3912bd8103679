// Where systems are timed: one after the other, each with the cores to itself.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include <tutti/tutti.hpp>

#include "miniapps/metg/pinning.hpp"
#include "miniapps/metg/system.hpp"
#include "runtime/insight/statistics.hpp"

namespace metg {

/// Times of one system: by iterations of a task, seconds of one run in each round.
using Times = std::map<std::int64_t, std::vector<double>>;

/// All functions are collective.
class Stage {
 public:
  /// `problem` is the one that the systems were made with: its iterations are set before each run.
  Stage(tutti::Runtime& rt, Problem& problem, Cores cores, std::int64_t steps)
      : rt_(rt), problem_(problem), cores_(std::move(cores)), steps_(steps) {}

  /// Seconds for the next steps of this system, of the slowest rank; the same value on all ranks. Workers are
  /// pinned meanwhile; ranks that have no part in it sleep.
  double run(System& system, std::int64_t iterations);

  std::int64_t steps() const { return steps_; }
  /// Tasks of one run, of all graphs.
  double tasks() const;
  /// Iterations of all tasks of the next run of this system.
  double kernel_iterations(const System& system, std::int64_t iterations) const;
  /// Workers of all ranks that take part in this system.
  double workers(const System& system) const;

  /// What the machine takes to hand something over: between cores, and between ranks. 0 where there is but
  /// one.
  struct Floors {
    tutti::MedianInterval cache_line_latency_ns;
    tutti::MedianInterval message_latency_ns;
  };
  /// Measures them once more, between runs.
  void measure_floors();
  Floors floors() const { return {tutti::median_interval(lines_ns_), tutti::median_interval(messages_ns_)}; }

  double iteration_cost_ns();  ///< of the kernel, on one core
  /// How far a system's counts are from what the patterns say, over all its runs and all ranks.
  struct Verdict {
    double wrong_inputs = 0;   ///< inputs that were not what their producer left
    double missing_tasks = 0;  ///< |tasks run - tasks| + |inputs checked - inputs|
  };
  Verdict verdict(const System& system) const;

 private:
  double run_on_all(System& system);
  double run_on_first(System& system);
  void settle(const System* next);

  tutti::Runtime& rt_;
  Problem& problem_;
  Cores cores_;
  std::int64_t steps_;
  const System* last_ = nullptr;
  std::vector<double> lines_ns_;
  std::vector<double> messages_ns_;
};

}  // namespace metg
