// The search for METG(50 %): large tasks first, then ever smaller ones, then more closely around one half;
// all systems take turns in each round.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "miniapps/metg/efficiency.hpp"
#include "miniapps/metg/stage.hpp"
#include "runtime/insight/statistics.hpp"

namespace metg {

/// What came out for one system.
struct SystemResult {
  const System* system = nullptr;
  double workers = 1;                                ///< of all ranks that take part
  Times times;                                       ///< iterations 0: the empty task
  std::vector<std::vector<EfficiencyPoint>> rounds;  ///< points of each round, without the empty task
  std::vector<EfficiencyPoint> medians;              ///< by iterations, increasing
  Crossing::Kind kind = Crossing::Kind::found;       ///< of most rounds
  tutti::MedianInterval metg_us;                     ///< over the rounds
  tutti::MedianInterval empty_step_ns;               ///< wall time of a step of empty tasks
  tutti::MedianInterval empty_task_ns;               ///< wall time x workers / tasks
};

struct SweepResult {
  std::vector<SystemResult> systems;
  double peak_iterations_per_s = 0;  ///< of one worker, the best system's median with the largest tasks
  Stage::Floors floors;
};

/// Collective. `rounds`: timings of each point.
SweepResult sweep(Stage& stage, const std::vector<std::unique_ptr<System>>& systems, int rounds);

}  // namespace metg
