#include "runtime/insight/crowding.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "runtime/text.hpp"

namespace tutti {
namespace {

using Processors = std::set<int>;

/// Of a list like "0-3,8"; what is no number is left out.
Processors parse(const std::string& list) {
  Processors found;
  const char* at = list.data();
  const char* const end = at + list.size();
  while (at < end) {
    int first = 0;
    const auto one = std::from_chars(at, end, first);
    if (one.ec != std::errc{}) break;
    int last = first;
    at = one.ptr;
    if (at < end && *at == '-') at = std::from_chars(at + 1, end, last).ptr;
    for (int p = first; p <= last; ++p) found.insert(p);
    if (at < end) ++at;  // the comma
  }
  return found;
}

bool is_within(const Processors& inner, const Processors& outer) {
  return std::includes(outer.begin(), outer.end(), inner.begin(), inner.end());
}

}  // namespace

Crowding find_crowding(const std::vector<WorkerPlace>& workers) {
  std::map<std::string, std::map<Processors, std::size_t>> hosts;  // how many workers have each set
  for (const WorkerPlace& w : workers) ++hosts[w.host][parse(w.processors)];
  Crowding worst;
  double worst_ratio = 1;
  for (const auto& [host, sets] : hosts) {
    std::set<Processors> candidates;
    Processors all;
    for (const auto& [set, count] : sets) {
      candidates.insert(set);
      all.insert(set.begin(), set.end());
    }
    candidates.insert(all);
    for (const Processors& candidate : candidates) {
      if (candidate.empty()) continue;  // the system does not tell
      std::size_t confined = 0;
      for (const auto& [set, count] : sets)
        if (!set.empty() && is_within(set, candidate)) confined += count;
      const double ratio = static_cast<double>(confined) / static_cast<double>(candidate.size());
      if (ratio <= worst_ratio) continue;
      worst_ratio = ratio;
      worst = {host, joined(candidate, ","), confined, candidate.size()};
    }
  }
  return worst;
}

}  // namespace tutti
