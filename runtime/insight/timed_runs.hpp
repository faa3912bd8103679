// The timed runs of a program: which graphs ran, for how long, and where the workers' time went.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/comm/transport.hpp"
#include "runtime/graph/plan.hpp"
#include "runtime/insight/efficiency.hpp"
#include "runtime/insight/profile.hpp"

namespace tutti {

/// One kernel in the timed runs, all ranks together.
struct OperationFinding {
  std::string name;
  OperationTime all;
};

/// What came of the timed runs. The same on all ranks.
struct Findings {
  Efficiency efficiency;
  double steps = 0;                          ///< timed recorded steps
  double critical_path_s = 0;                ///< per step
  std::vector<OperationFinding> operations;  ///< by kernel name, those with the most time first
  std::vector<RankTimes> ranks;              ///< operations in the order of `operations`
};

/// Collects by differences between the profiles before and after each run.
class TimedRuns {
 public:
  /// Right before and right after a run of `steps` steps of the graph with this plan and profile.
  void begin(const std::shared_ptr<const Plan>& plan, const std::shared_ptr<Profile>& profile);
  void end(std::int64_t steps);

  bool empty() const { return graphs_.empty(); }
  /// Puts all ranks together. Collective.
  Findings findings(Transport& transport) const;

 private:
  struct TimedGraph {
    std::shared_ptr<const Plan> plan;
    std::shared_ptr<const Profile> profile;
    std::vector<WorkerTime> workers;
    std::uint64_t elapsed = 0;  // ticks
    std::uint64_t single = 0;
    std::int64_t steps = 0;
    std::int64_t runs = 0;
  };
  std::vector<double> node_seconds(const TimedGraph& graph) const;
  RankTimes times_of_this_rank(const std::vector<std::string>& names) const;
  std::vector<std::string> kernel_names() const;

  std::vector<TimedGraph> graphs_;
  std::size_t current_ = 0;
  Profile before_{0, 0};
};

}  // namespace tutti
