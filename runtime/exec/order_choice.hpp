// Which order of replay suits a plan, by what its nodes took so far.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "runtime/exec/team.hpp"

namespace tutti {

/// Fixed order for nodes that are all brief, where stealing would win nothing: nobody may, or the workers'
/// shares are alike, or differ by less than a node costs to take. Free order in all other cases, when there
/// are more workers than cores, and before all nodes have been measured.
class OrderChoice {
 public:
  OrderChoice(const Team& team, const Profile& profile, Order wanted)
      : team_(team),
        profile_(profile),
        wanted_(wanted),
        fixed_(wanted == Order::fixed),
        load_s_(team.workers.size()) {}

  struct Segment {
    bool fixed = false;
    std::int64_t until = 0;  ///< the step before which to ask again
  };
  /// At the start of a run, when the next step is `step`, and then after each segment.
  Segment first(std::int64_t step);
  Segment next(std::int64_t step);

 private:
  static constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();
  static constexpr std::int64_t trial = 16;         // steps in which nodes are measured first
  static constexpr std::int64_t trials_end = 4096;  // what holds then holds for the rest of a run
  static constexpr std::int64_t chunk = 1 << 10;    // steps in fixed order before a second look, in each run
  bool saw_long_nodes() const;
  bool suits_fixed_order();

  const Team& team_;
  const Profile& profile_;
  Order wanted_;
  bool fixed_;
  std::int64_t look_at_ = 0;  // at what step to look at all nodes again
  std::int64_t chunk_ = chunk;
  std::vector<double> load_s_;  // scratch: of each worker in one cycle
};

}  // namespace tutti
