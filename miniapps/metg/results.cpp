#include "miniapps/metg/results.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace metg {

using namespace tutti;
using nlohmann::json;

namespace {

/// "" for the first system, else "_omp_task" and the like.
std::string suffix(const System& system, const System& first) {
  if (&system == &first) return "";
  std::string name = "_" + system.name();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string size_text(const SystemResult& r) {
  const char* sign = r.kind == Crossing::Kind::at_most    ? "< "
                     : r.kind == Crossing::Kind::at_least ? "> "
                                                          : "";
  return fmt::format("{}{:.3f}", sign, r.metg_us.median);
}

std::string ratio_text(double value, double base) {
  return base > 0 ? fmt::format("{:.2f}", value / base) : "-";
}

void print_systems(const SweepResult& result) {
  const SystemResult& first = result.systems.front();
  fmt::print("{:<10}{:>8}{:>15}  {:<24}{:>8}{:>14}{:>14}{:>13}\n", "system", "workers", "METG(50 %)",
             first.metg_us.is_ci95 ? "95 % interval" : "range", "x first", "empty task", "empty step",
             "cache lines");
  for (const SystemResult& r : result.systems)
    fmt::print("{:<10}{:>8}{:>12} us  {:<24}{:>8}{:>11.1f} ns{:>11.1f} ns{:>13}\n", r.system->name(),
               r.workers, size_text(r), fmt::format("{:.3f} .. {:.3f} us", r.metg_us.low, r.metg_us.high),
               ratio_text(r.metg_us.median, first.metg_us.median), r.empty_task_ns.median,
               r.empty_step_ns.median,
               ratio_text(r.empty_step_ns.median, result.floors.cache_line_latency_ns.median));
}

void print_points(const SystemResult& r) {
  fmt::print("\n{}: granularity and efficiency\n", r.system->name());
  for (auto p = r.medians.rbegin(); p != r.medians.rend(); ++p)
    fmt::print("{:>12.3f} us{:>8.3f}  {}\n", p->granularity_us, p->efficiency,
               std::string(static_cast<std::size_t>(std::clamp(p->efficiency, 0.0, 1.0) * 40), '#'));
}

json points_json(const std::vector<EfficiencyPoint>& points) {
  json list = json::array();
  for (const EfficiencyPoint& p : points)
    list.push_back({{"granularity_us", p.granularity_us}, {"efficiency", p.efficiency}});
  return list;
}

const char* word(Crossing::Kind kind) {
  return kind == Crossing::Kind::found ? "found" : kind == Crossing::Kind::at_most ? "at_most" : "at_least";
}

json series_json(const SystemResult& r) {
  json rounds = json::array();
  for (const auto& round : r.rounds) rounds.push_back(points_json(round));
  return {{"system", r.system->name()},
          {"workers", r.workers},
          {"metg50_us",
           {{"median", r.metg_us.median},
            {"low", r.metg_us.low},
            {"high", r.metg_us.high},
            {"is_ci95", r.metg_us.is_ci95},
            {"is", word(r.kind)}}},
          {"points", points_json(r.medians)},
          {"rounds", rounds}};
}

void report_overhead(Report& report, const std::string& name, double task_ns, double step_ns,
                     const Stage::Floors& floors) {
  report.merit("overhead_per_task_ns" + name, task_ns, "ns");
  report.merit("overhead_per_step_ns" + name, step_ns, "ns");
  if (floors.cache_line_latency_ns.median > 0)
    report.merit("overhead_per_step_cache_lines" + name, step_ns / floors.cache_line_latency_ns.median, "1");
}

void report_floors(Report& report, const Stage::Floors& floors) {
  if (floors.cache_line_latency_ns.median > 0)
    report.merit("cache_line_latency_ns", floors.cache_line_latency_ns.median, "ns");
  if (floors.message_latency_ns.median > 0)
    report.merit("message_latency_ns", floors.message_latency_ns.median, "ns");
}

}  // namespace

void report_sweep(Report& report, const SweepResult& result, bool print) {
  const System& first = *result.systems.front().system;
  json series = json::array();
  for (const SystemResult& r : result.systems) {
    const std::string name = suffix(*r.system, first);
    if (r.kind == Crossing::Kind::found) report.merit("metg50_us" + name, r.metg_us.median, "us");
    report_overhead(report, name, r.empty_task_ns.median, r.empty_step_ns.median, result.floors);
    series.push_back(series_json(r));
  }
  report.merit("peak_iterations_per_s", result.peak_iterations_per_s, "iterations/s");
  report_floors(report, result.floors);
  report.series("efficiency", std::move(series));
  if (!print) return;
  print_systems(result);
  print_points(result.systems.front());
  fmt::print("\n");
}

void report_runs(Report& report, const Stage& stage, const std::vector<std::unique_ptr<System>>& systems,
                 const std::vector<std::vector<double>>& seconds, bool is_empty, bool print) {
  const std::vector<double>& base = seconds.front();
  for (const double s : base) report.time(s / static_cast<double>(stage.steps()));
  if (print && systems.size() > 1)
    fmt::print("{:<10}{:>8}{:>14}{:>14}{:>10}\n", "system", "workers", "step", "granularity", "x first");
  for (std::size_t s = 0; s < systems.size(); ++s) {
    const std::string name = suffix(*systems[s], *systems.front());
    std::vector<double> ratios;  // round by round: the speed of a shared machine changes
    for (std::size_t i = 0; i < base.size(); ++i) ratios.push_back(seconds[s][i] / base[i]);
    const double median_s = median_interval(seconds[s]).median;
    const double ratio = median_interval(ratios).median;
    const double step_ns = median_s / static_cast<double>(stage.steps()) * 1e9;
    const double granularity_us = median_s * stage.workers(*systems[s]) / stage.tasks() * 1e6;
    report.merit("granularity_us" + name, granularity_us, "us");
    report.merit("tasks_per_s" + name, stage.tasks() / median_s, "tasks/s");
    if (is_empty) report_overhead(report, name, granularity_us * 1000, step_ns, stage.floors());
    if (s > 0) report.merit("time_ratio" + name, ratio, "1");
    if (print && systems.size() > 1)
      fmt::print("{:<10}{:>8}{:>11.1f} ns{:>11.4f} us{:>10.2f}\n", systems[s]->name(),
                 stage.workers(*systems[s]), step_ns, granularity_us, ratio);
  }
  report_floors(report, stage.floors());
  if (print && systems.size() > 1) fmt::print("\n");
}

}  // namespace metg
