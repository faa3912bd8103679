// How measurements are printed, and their figures of merit.
#pragma once

#include <memory>
#include <vector>

#include "miniapps/metg/sweep.hpp"
#include "runtime/report.hpp"

namespace metg {

/// Figures of merit of a sweep, the points for plots, and (`print`) tables of all systems. Figures of the
/// first system carry no name of a system.
void report_sweep(tutti::Report& report, const SweepResult& result, bool print);

/// The same for runs with one size of task: `seconds` by system and round. `is_empty`: the tasks do nothing,
/// so that all time is overhead.
void report_runs(tutti::Report& report, const Stage& stage,
                 const std::vector<std::unique_ptr<System>>& systems,
                 const std::vector<std::vector<double>>& seconds, bool is_empty, bool print);

}  // namespace metg
