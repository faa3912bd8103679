#include "runtime/insight/crowding.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

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

/// Workers with the same set.
struct Sharers {
  std::size_t workers = 0;
  std::set<std::uint32_t> ranks;
};

using List = std::string WorkerPlace::*;

Crowding crowding_on(const std::vector<WorkerPlace>& workers, List list) {
  std::map<std::string, std::map<Processors, Sharers>> hosts;
  for (const WorkerPlace& w : workers) {
    Sharers& sharers = hosts[w.host][parse(w.*list)];
    ++sharers.workers;
    sharers.ranks.insert(w.rank);
  }
  Crowding worst;
  double worst_ratio = 1;
  std::size_t crowded_hosts = 0;
  for (const auto& [host, sets] : hosts) {
    bool crowded = false;
    std::set<Processors> candidates;
    Processors all;
    for (const auto& [set, sharers] : sets) {
      candidates.insert(set);
      all.insert(set.begin(), set.end());
    }
    candidates.insert(all);
    for (const Processors& candidate : candidates) {
      if (candidate.empty()) continue;  // the system does not tell
      Sharers confined;
      for (const auto& [set, sharers] : sets) {
        if (set.empty() || !is_within(set, candidate)) continue;
        confined.workers += sharers.workers;
        confined.ranks.insert(sharers.ranks.begin(), sharers.ranks.end());
      }
      crowded = crowded || confined.workers > candidate.size();
      const double ratio = static_cast<double>(confined.workers) / static_cast<double>(candidate.size());
      if (ratio <= worst_ratio) continue;
      worst_ratio = ratio;
      worst = {host, joined(candidate, ","), confined.workers, candidate.size(), confined.ranks.size(), 0};
    }
    crowded_hosts += crowded ? 1 : 0;
  }
  worst.hosts = crowded_hosts;
  return worst;
}

std::string on(const Crowding& c) {
  return c.hosts > 1 ? fmt::format("{} ({} hosts are like this)", c.host, c.hosts) : c.host;
}

}  // namespace

std::vector<WorkerPlace> worker_places(const nlohmann::json& affinity) {
  std::vector<WorkerPlace> places;
  std::uint32_t number = 0;
  for (const auto& rank : affinity) {
    for (std::size_t w = 0; w < rank.at("workers").size(); ++w)
      places.push_back({rank.at("host").get<std::string>(), rank.at("workers")[w].get<std::string>(),
                        rank.at("cores")[w].get<std::string>(), number});
    ++number;
  }
  return places;
}

Crowding find_crowding(const std::vector<WorkerPlace>& workers) {
  return crowding_on(workers, &WorkerPlace::processors);
}

std::vector<std::string> pinning_warnings(const std::vector<WorkerPlace>& workers) {
  if (const Crowding c = find_crowding(workers); c.workers > 0) {
    if (c.capacity > 1)
      return {fmt::format("fewer processors than workers: {} workers share {} processors (number {}) of {}",
                          c.workers, c.capacity, c.processors, on(c))};
    if (c.ranks > 1)
      return {fmt::format("{} ranks sit on one core: their {} workers may run on processor {} of {} only",
                          c.ranks, c.workers, c.processors, on(c))};
    return {fmt::format("{} workers share one core: they may run on processor {} of {} only", c.workers,
                        c.processors, on(c))};
  }
  if (const Crowding c = crowding_on(workers, &WorkerPlace::cores); c.workers > 0)
    return {fmt::format(
        "workers share cores: {} workers have the hardware threads of {} core{} (number {}) of {}", c.workers,
        c.capacity, c.capacity == 1 ? "" : "s", c.processors, on(c))};
  return {};
}

}  // namespace tutti
