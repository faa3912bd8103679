#include "miniapps/metg/efficiency.hpp"

#include <algorithm>
#include <cmath>

namespace metg {

Crossing crossing(std::vector<EfficiencyPoint> points, double level) {
  const auto work = [](const EfficiencyPoint& p) { return p.granularity_us * p.efficiency; };
  std::sort(points.begin(), points.end(),
            [&](const EfficiencyPoint& a, const EfficiencyPoint& b) { return work(a) < work(b); });
  const auto first = std::find_if(points.begin(), points.end(),
                                  [&](const EfficiencyPoint& p) { return p.efficiency >= level; });
  if (first == points.end()) return {Crossing::Kind::at_least, points.back().granularity_us};
  if (first == points.begin()) return {Crossing::Kind::at_most, first->granularity_us};
  const EfficiencyPoint& finer = first[-1];
  const double part = (level - finer.efficiency) / (first->efficiency - finer.efficiency);
  return {Crossing::Kind::found,
          finer.granularity_us * std::pow(first->granularity_us / finer.granularity_us, part)};
}

std::vector<std::int64_t> between(std::int64_t low, std::int64_t high, int count) {
  std::vector<std::int64_t> numbers;
  const double ratio = static_cast<double>(high) / static_cast<double>(low);
  for (int i = 1; i <= count; ++i) {
    const auto n = static_cast<std::int64_t>(
        std::llround(static_cast<double>(low) * std::pow(ratio, i / static_cast<double>(count + 1))));
    if (n > low && n < high && (numbers.empty() || n > numbers.back())) numbers.push_back(n);
  }
  return numbers;
}

}  // namespace metg
