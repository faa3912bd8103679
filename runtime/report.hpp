// The result of a run: what was asked, how it ran, what it measured, and whether it is right. Printed as one
// block for people and written as one JSON object for programs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "runtime/insight/roofline.hpp"
#include "runtime/insight/statistics.hpp"
#include "runtime/insight/timed_runs.hpp"
#include "runtime/runtime.hpp"

namespace tutti {

/// Filled by a program between its runs, with the same values on every rank; rank 0 speaks. One process, one
/// thread.
class Report {
 public:
  /// Throws Error(environment) if the file of --json could not be written. Collective.
  explicit Report(Runtime& runtime) : Report(runtime.transport(), runtime.options(), runtime.workers()) {
    trace_ = runtime.trace();
    device_ = runtime.device();
    device_messages_ = runtime.device_messages();
  }
  Report(Transport& transport, const Options& options, std::uint32_t workers);

  /// A line on the problem, and an entry of `config` in the JSON object. `text` is what people see, if that
  /// is not the value itself.
  void problem(const std::string& key, nlohmann::json value, const std::string& text = {});
  /// A timed repeat: runs up to `steps` steps after a barrier; returns and keeps the seconds per step of the
  /// slowest rank, and where the time of all workers went. Throws Error(usage) if no step was done.
  /// Collective.
  double time(Graph& graph, std::int64_t steps);
  /// A timed repeat of something else: seconds per step, as the slowest rank saw it.
  void time(double step_s) { times_s_.push_back(step_s); }
  /// The copy bandwidth of all ranks together, if the program measured it; else finish() does.
  void copy_bandwidth(double bytes_per_s) { copy_bytes_per_s_ = bytes_per_s; }
  const std::vector<double>& step_times() const { return times_s_; }
  MedianInterval step_time() const { return median_interval(times_s_); }
  /// Where the time of the timed repeats so far went. Throws Error(usage) if no graph was timed. Collective.
  Findings findings() const;
  /// A figure of merit. `label` is what people see instead of the name.
  void merit(const std::string& name, double value, const std::string& unit, const std::string& label = {});
  /// More of the result, for programs only: a key of the JSON object.
  void add(const std::string& key, nlohmann::json value) { more_[key] = std::move(value); }
  /// A check: passed if value <= tolerance (so not if value is NaN).
  void verify(const std::string& name, double value, double tolerance);
  /// Measured points behind the figures, for plots: an entry of `series` in the JSON object.
  void series(const std::string& name, nlohmann::json points) { series_[name] = std::move(points); }
  /// A hash of the result that does not depend on ranks, threads and schedule.
  void checksum(std::uint64_t hash) { checksum_ = hash; }

  /// What the result was computed from, with and on, for files beside the JSON object: its keys app, version,
  /// git_commit, config, machine, ranks, threads_per_rank, device and schedule.
  nlohmann::json provenance() const;

  bool verified() const;
  /// Prints the block (not with --quiet), writes the JSON object and the trace, and returns the exit status:
  /// 0 if every check passed and there was one, else 1 after a line on standard error that names those that
  /// failed. Throws Error(environment) if the file cannot be written. Collective.
  int finish();

  /// For tests: what finish() prints and writes.
  std::string block() const;
  nlohmann::json json() const;

 private:
  struct Line {
    std::string key;
    nlohmann::json value;
    std::string text;
  };
  struct Merit {
    std::string name;
    double value;
    std::string unit;
    std::string label;
  };
  struct Check {
    std::string name;
    double value;
    double tolerance;
    bool passed() const { return value <= tolerance; }
  };
  void look_at_time();
  std::string efficiency_text() const;
  std::string layout_text() const;
  std::string device_text() const;
  std::string failures() const;

  Transport& transport_;
  const Options& options_;
  std::uint32_t workers_;
  nlohmann::json machine_;
  std::vector<std::string> warnings_;  // on where the workers are
  std::vector<Line> problem_;
  nlohmann::json more_ = nlohmann::json::object();
  std::vector<double> times_s_;
  std::vector<Merit> merits_;
  std::vector<Check> checks_;
  nlohmann::json series_ = nlohmann::json::object();
  std::optional<std::uint64_t> checksum_;
  Trace* trace_ = nullptr;
  const Device* device_ = nullptr;
  std::string device_messages_;
  TimedRuns timed_runs_;
  double copy_bytes_per_s_ = 0;
  // what finish() finds in the timed runs
  std::optional<Findings> findings_;
  Roofline roofline_;
  std::vector<std::string> explanation_;
};

/// A value with its unit and a decimal prefix, 4 digits: "1.234 ms", "56.7 Gcells/s". Units that carry a
/// prefix already (GB/s, us) and numbers without a unit are printed as they are.
std::string with_unit(double value, const std::string& unit);
/// "12.3 s" and the like for both ends in the prefix of the larger one: "1.20 .. 1.25 ms".
std::string range_with_unit(double low, double high, const std::string& unit);

}  // namespace tutti
