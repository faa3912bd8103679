// What limits a run, in a few sentences.
#pragma once

#include <string>
#include <vector>

#include "runtime/insight/crowding.hpp"
#include "runtime/insight/roofline.hpp"
#include "runtime/insight/timed_runs.hpp"

namespace tutti {

/// What limits a run most, with the figures that say so, and what to do about it: two or three sentences. In
/// this order: workers that share processors; other programs on them; the factor of the efficiency that loses
/// most, if it loses a tenth or more (work dealt unevenly, a slow rank, ranks that wait for each other,
/// messages, workers without work, tasks too small); else where the busiest kernel stands under the roofline.
std::vector<std::string> explain(const Findings& findings, const Roofline& roofline,
                                 const Crowding& crowding);

}  // namespace tutti
