#include "miniapps/metg/sweep.hpp"

#include <algorithm>
#include <set>

namespace metg {

using namespace tutti;

namespace {

constexpr double largest_task_us = 50;
constexpr double low_enough = 0.35;  // below this efficiency smaller tasks are of no interest
constexpr int refinements = 3;       // points between the two around 50 %

class Search {
 public:
  Search(Stage& stage, const std::vector<std::unique_ptr<System>>& systems, int rounds)
      : stage_(stage), systems_(systems), rounds_(rounds), levels_(systems.size()) {
    for (const auto& s : systems) {
      SystemResult r;
      r.system = s.get();
      r.workers = stage.workers(*s);
      r.rounds.resize(static_cast<std::size_t>(rounds));
      result_.systems.push_back(std::move(r));
    }
  }

  SweepResult run(double iteration_ns) {
    top_ = std::max<std::int64_t>(2, static_cast<std::int64_t>(largest_task_us * 1000 / iteration_ns));
    go_down();
    for (round_ = 1; round_ < rounds_; ++round_) repeat_levels(/*with_floors=*/true);
    find_peak();
    choose_refinements();
    for (round_ = 0; round_ < rounds_; ++round_) repeat_levels(/*with_floors=*/false);
    summarise();
    return std::move(result_);
  }

 private:
  // The first round: halves the work until each system was well below one half twice running (once may be a
  // disturbance).
  void go_down() {
    stage_.measure_floors();
    std::vector<double> best(systems_.size(), 0);
    std::vector<int> times_below(systems_.size(), 0);
    for (std::int64_t iterations = top_; iterations > 0; iterations /= 2)
      for (std::size_t s = 0; s < systems_.size(); ++s) {
        if (times_below[s] == 2) continue;
        levels_[s].insert(iterations);
        const double rate = measure(s, iterations);
        best[s] = std::max(best[s], rate);
        times_below[s] = rate < low_enough * best[s] ? times_below[s] + 1 : 0;
      }
    for (std::size_t s = 0; s < systems_.size(); ++s) {
      levels_[s].insert(0);
      measure(s, 0);
    }
  }

  void repeat_levels(bool with_floors) {
    if (with_floors) stage_.measure_floors();
    std::set<std::int64_t> all;
    for (const auto& l : levels_) all.insert(l.begin(), l.end());
    for (auto level = all.rbegin(); level != all.rend(); ++level)
      for (std::size_t i = 0; i < systems_.size(); ++i) {
        const std::size_t s =
            (i + static_cast<std::size_t>(round_)) % systems_.size();  // take turns in being first
        if (levels_[s].count(*level) > 0) measure(s, *level);
      }
  }

  /// Iterations per second and worker.
  double measure(std::size_t s, std::int64_t iterations) {
    SystemResult& r = result_.systems[s];
    const double total = stage_.kernel_iterations(*systems_[s], iterations);
    const double seconds = stage_.run(*systems_[s], iterations);
    const double rate = total / seconds / r.workers;
    r.times[iterations].push_back(seconds);
    if (iterations > 0) {
      r.rounds[static_cast<std::size_t>(round_)].push_back({granularity_us(r, seconds), rate});
      rates_[{s, iterations}].push_back(rate);
    }
    return rate;
  }

  double granularity_us(const SystemResult& r, double seconds) const {
    return seconds * r.workers / stage_.tasks() * 1e6;
  }

  void find_peak() {
    for (std::size_t s = 0; s < systems_.size(); ++s)
      result_.peak_iterations_per_s =
          std::max(result_.peak_iterations_per_s, median_interval(rates_.at({s, top_})).median);
  }

  double median_efficiency(std::size_t s, std::int64_t iterations) const {
    return median_interval(rates_.at({s, iterations})).median / result_.peak_iterations_per_s;
  }

  // Between the finest level that reaches one half and the one below it; below that level, if a disturbance
  // ended the first round too early.
  void choose_refinements() {
    for (std::size_t s = 0; s < systems_.size(); ++s) {
      std::int64_t below = 0;
      std::int64_t above = 0;
      for (const std::int64_t level : levels_[s]) {
        if (level == 0) continue;
        if (median_efficiency(s, level) >= 0.5) {
          above = level;
          break;
        }
        below = level;
      }
      levels_[s].clear();
      if (below > 0 && above > 0)
        for (const std::int64_t n : between(below, above, refinements)) levels_[s].insert(n);
      if (below == 0)
        for (int i = 0; i < refinements && above > 1; ++i) levels_[s].insert(above /= 2);
    }
  }

  void summarise() {
    for (std::size_t s = 0; s < systems_.size(); ++s) {
      SystemResult& r = result_.systems[s];
      std::vector<double> metg_us, step_ns, task_ns;
      std::map<Crossing::Kind, std::size_t> kinds;
      for (auto& round : r.rounds) {
        for (EfficiencyPoint& p : round) p.efficiency /= result_.peak_iterations_per_s;  // so far a rate
        const Crossing c = crossing(round);
        metg_us.push_back(c.us);
        if (2 * ++kinds[c.kind] > r.rounds.size()) r.kind = c.kind;
      }
      r.metg_us = median_interval(metg_us);
      for (const double seconds : r.times.at(0)) {
        step_ns.push_back(seconds / static_cast<double>(stage_.steps()) * 1e9);
        task_ns.push_back(granularity_us(r, seconds) * 1000);
      }
      r.empty_step_ns = median_interval(step_ns);
      r.empty_task_ns = median_interval(task_ns);
      for (const auto& [iterations, seconds] : r.times)
        if (iterations > 0)
          r.medians.push_back(
              {granularity_us(r, median_interval(seconds).median), median_efficiency(s, iterations)});
    }
    result_.floors = stage_.floors();
  }

  Stage& stage_;
  const std::vector<std::unique_ptr<System>>& systems_;
  int rounds_;
  int round_ = 0;
  std::int64_t top_ = 0;
  std::vector<std::set<std::int64_t>> levels_;                                 // by system
  std::map<std::pair<std::size_t, std::int64_t>, std::vector<double>> rates_;  // by system and iterations
  SweepResult result_;
};

}  // namespace

SweepResult sweep(Stage& stage, const std::vector<std::unique_ptr<System>>& systems, int rounds) {
  return Search(stage, systems, rounds).run(stage.iteration_cost_ns());
}

}  // namespace metg
