// From timings to METG, the minimum effective task granularity (Slaughter et al., SC'20, section IV).
#pragma once

#include <cstdint>
#include <vector>

namespace metg {

/// granularity = wall time x workers / tasks; efficiency = rate / peak rate of the same kernel.
struct EfficiencyPoint {
  double granularity_us = 0;
  double efficiency = 0;
};

/// Where the efficiency crosses a level.
struct Crossing {
  enum class Kind {
    found,     ///< between two points, interpolated
    at_most,   ///< all points are above the level: `us` is the granularity with least work
    at_least,  ///< all points are below: `us` is the one with most
  } kind = Kind::at_least;
  double us = 0;
};

/// The smallest granularity with at least this efficiency: from the task with least work on, the first one
/// that has it, interpolated (efficiency over the logarithm of the granularity) towards the one with less
/// work, even if that took longer because something disturbed it. `points` in any order, at least one.
Crossing crossing(std::vector<EfficiencyPoint> points, double level = 0.5);

/// Up to `count` whole numbers between the two, at equal ratios, increasing; the ends are not among them.
std::vector<std::int64_t> between(std::int64_t low, std::int64_t high, int count);

}  // namespace metg
