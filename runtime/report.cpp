#include "runtime/report.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include "runtime/device/device.hpp"
#include "runtime/insight/explain.hpp"
#include "runtime/insight/findings.hpp"
#include "runtime/insight/provenance.hpp"
#include "runtime/insight/trace.hpp"
#include "runtime/io/outcome.hpp"
#include "runtime/text.hpp"

namespace tutti {

namespace {

struct Prefix {
  double factor;
  const char* symbol;
};

/// The decimal prefix that leaves 1 to 3 digits before the point.
Prefix prefix_for(double value, const std::string& unit) {
  static constexpr std::array<Prefix, 8> prefixes{
      {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}, {1e-3, "m"}, {1e-6, "u"}, {1e-9, "n"}}};
  const bool has_prefix = (unit.size() > 1 && std::string("TGM").find(unit[0]) != std::string::npos) ||
                          unit == "us" || unit == "ns";
  if (unit.empty() || unit == "1" || has_prefix || !std::isfinite(value) || value == 0) return {1, ""};
  for (const Prefix& p : prefixes)
    if (std::abs(value) >= 0.9995 * p.factor) return p;
  return {1e-9, "n"};
}

std::string symbol_of(const Prefix& prefix, const std::string& unit) {
  return unit.empty() || unit == "1" ? "" : fmt::format(" {}{}", prefix.symbol, unit);
}

/// As much of a JSON value as reads well in a line: lists with "x" between, texts without quotes.
std::string as_text(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const auto& item : value) text += (text.empty() ? "" : " x ") + as_text(item);
  return text;
}

std::string line(const std::string& key, const std::string& value) {
  return fmt::format("  {:<21} {}\n", key, value);
}

/// A name as people write it.
std::string in_words(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

/// How the workers of all ranks are held to processors, in a few words.
std::string binding_text(const nlohmann::json& machine) {
  std::size_t bound = 0, all = 0;
  const std::size_t node = machine.at("hardware_threads").get<std::size_t>();
  for (const auto& rank : machine.at("affinity"))
    for (const auto& worker : rank.at("workers")) {
      const auto list = worker.get<std::string>();
      ++all;
      if (list.find_first_of(",-") == std::string::npos && node > 1) ++bound;
    }
  if (bound == all) return "each worker bound to one processor";
  return bound == 0 ? "workers not bound to single processors"
                    : fmt::format("{} of {} workers bound to one processor", bound, all);
}

std::string plural(std::size_t n, const std::string& word) {
  return fmt::format("{} {}{}", n, word, n == 1 ? "" : "s");
}

}  // namespace

std::string with_unit(double value, const std::string& unit) {
  const Prefix p = prefix_for(value, unit);
  return fmt::format("{:.4g}{}", value / p.factor, symbol_of(p, unit));
}

std::string range_with_unit(double low, double high, const std::string& unit) {
  const Prefix p = prefix_for(high, unit);
  return fmt::format("{:.4g} .. {:.4g}{}", low / p.factor, high / p.factor, symbol_of(p, unit));
}

Report::Report(Transport& transport, const Options& options, std::uint32_t workers)
    : transport_(transport), options_(options), workers_(workers) {
  if (!options.json.empty()) check_writable(transport, "--json", options.json);
  machine_ = tutti::provenance(transport, workers);
  warnings_ = pinning_warnings(worker_places(machine_.at("affinity")));
  if (options.print_affinity) {
    std::string table = affinity_table(transport, workers);
    for (const std::string& warning : warnings_) table += fmt::format("warning: {}\n", warning);
    if (transport.rank() == RankId{0}) fmt::print("{}", table);
  }
}

void Report::problem(const std::string& key, nlohmann::json value, const std::string& text) {
  problem_.push_back({key, std::move(value), text});
}

void Report::merit(const std::string& name, double value, const std::string& unit, const std::string& label) {
  merits_.push_back({name, value, unit, label.empty() ? name : label});
}

void Report::verify(const std::string& name, double value, double tolerance) {
  checks_.push_back({name, value, tolerance});
}

double Report::time(Graph& graph, std::int64_t steps) {
  transport_.barrier();
  timed_runs_.begin(graph.plan(), graph.profile());
  const auto begin = std::chrono::steady_clock::now();
  const std::int64_t done = graph.run(steps);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  timed_runs_.end(done);
  if (done == 0) usage_error("a timed repeat of {} steps did none: there is no time per step", steps);
  const double step_s = transport_.max(elapsed.count()) / static_cast<double>(done);
  times_s_.push_back(step_s);
  return step_s;
}

Findings Report::findings() const {
  if (timed_runs_.empty()) usage_error("nothing was timed, so there are no findings");
  return timed_runs_.findings(transport_);
}

// Where Kokkos runs whole blocks, what its threads do is not seen.
void Report::look_at_time() {
  if (timed_runs_.empty() || options_.schedule == Schedule::kokkos) return;
  findings_ = timed_runs_.findings(transport_);
  roofline_ = measure_roofline(transport_, workers_, copy_bytes_per_s_);
  explanation_ = explain(*findings_, roofline_, find_crowding(worker_places(machine_.at("affinity"))));
}

bool Report::verified() const {
  for (const Check& c : checks_)
    if (!c.passed()) return false;
  return !checks_.empty();
}

std::string Report::failures() const {
  if (checks_.empty()) return "nothing was checked";
  std::string text;
  for (const Check& c : checks_)
    if (!c.passed())
      text += fmt::format("{}{} is {:.3g}, allowed is at most {:.3g}", text.empty() ? "" : "; ", c.name,
                          c.value, c.tolerance);
  return text;
}

std::string Report::layout_text() const {
  return fmt::format("{} x {}, {}, schedule {}, device {}", plural(transport_.ranks(), "rank"),
                     plural(workers_, "thread"), binding_text(machine_), to_string(options_.schedule),
                     options_.device);
}

// Of rank 0.
std::string Report::device_text() const {
  const DeviceMemory memory = device_->memory();
  return fmt::format("{}, {} of {} used at most; messages: {}", device_->name(),
                     readable_bytes(memory.high_water_bytes), readable_bytes(memory.capacity_bytes),
                     device_messages_);
}

std::string Report::efficiency_text() const {
  if (!findings_) return {};
  std::string text = tree(findings_->efficiency, transport_.ranks());
  text += line("critical path", fmt::format("{} per step, for any number of workers",
                                            with_unit(findings_->critical_path_s, "s")));
  if (findings_->efficiency.preempted >= 0.01)
    text += line("taken by others",
                 fmt::format("{:.1f} % of the workers' time", 100 * findings_->efficiency.preempted));
  if (!options_.explain) return text;
  text += operation_table(*findings_, roofline_);
  for (const std::string& sentence : explanation_) text += fmt::format("  {}\n", sentence);
  return text;
}

std::string Report::block() const {
  std::string text = fmt::format("{}: {}\n", options_.app_name(), options_.app_description());
  for (const Line& l : problem_) text += line(l.key, l.text.empty() ? as_text(l.value) : l.text);
  text += line("layout", layout_text());
  if (device_ != nullptr) text += line("device", device_text());
  for (const std::string& warning : warnings_) text += line("warning", warning);
  if (const MedianInterval t = step_time(); t.n > 0)
    text += line("time per step", fmt::format("{}  ({} {}, median of {}; warm-up not counted)",
                                              with_unit(t.median, "s"), t.is_ci95 ? "95 % interval" : "range",
                                              range_with_unit(t.low, t.high, "s"), plural(t.n, "repeat")));
  for (const Merit& m : merits_)  // one that is checked, too, is printed once
    if (std::none_of(checks_.begin(), checks_.end(), [&](const Check& c) { return c.name == m.name; }))
      text += line(in_words(m.label), with_unit(m.value, m.unit));
  text += efficiency_text();
  for (const Check& c : checks_)
    text += line(in_words(c.name), fmt::format("{:.3g}  (at most {:.3g}: {})", c.value, c.tolerance,
                                               c.passed() ? "passed" : "FAILED"));
  if (checksum_) text += line("checksum", fmt::format("0x{:016x}", *checksum_));
  return text + line("verdict", verified() ? "verified" : "FAILED");
}

nlohmann::json Report::provenance() const {
  nlohmann::json config = {{"tile", options_.tile}, {"repeat", options_.repeat}, {"seed", options_.seed}};
  for (const Line& l : problem_) config[l.key] = l.value;
  return {{"app", options_.app_name()},
          {"version", build_info().version},
          {"git_commit", build_info().git_commit},
          {"config", config},
          {"machine", machine_},
          {"ranks", transport_.ranks()},
          {"threads_per_rank", workers_},
          {"device", options_.device},
          {"schedule", to_string(options_.schedule)}};
}

nlohmann::json Report::json() const {
  using nlohmann::json;
  json merits = json::array();
  for (const Merit& m : merits_) merits.push_back({{"name", m.name}, {"value", m.value}, {"unit", m.unit}});
  json checks = json::array();
  for (const Check& c : checks_)
    checks.push_back(
        {{"name", c.name}, {"value", c.value}, {"tolerance", c.tolerance}, {"passed", c.passed()}});
  const MedianInterval t = step_time();
  const json iteration = {{"median", t.median}, {"ci95_low", t.low},    {"ci95_high", t.high},
                          {"n", t.n},           {"is_ci95", t.is_ci95}, {"samples", times_s_}};
  json all = provenance();
  all["timings"] = {{"iteration_s", iteration}};
  all["figures_of_merit"] = merits;
  all["efficiency"] = findings_ ? efficiency_json(*findings_, roofline_, explanation_) : json(json::object());
  all["verification"] = checks;
  all["checksum"] = checksum_ ? json(fmt::format("0x{:016x}", *checksum_)) : json();
  if (device_ != nullptr) {
    const DeviceCounts n = device_->counts();
    all["device_use"] = {{"name", device_->name()},
                         {"memory_high_water_bytes", device_->memory().high_water_bytes},
                         {"copies_to_device", n.to_device.count},
                         {"bytes_to_device", n.to_device.bytes},
                         {"copies_to_host", n.to_host.count},
                         {"bytes_to_host", n.to_host.bytes},
                         {"kernel_launches", n.launches},
                         {"graph_launches", n.graph_launches},
                         {"messages", device_messages_}};
  }
  if (!warnings_.empty()) all["warnings"] = warnings_;
  if (!series_.empty()) all["series"] = series_;
  all.update(more_);
  return all;
}

int Report::finish() {
  const bool root = transport_.rank() == RankId{0};
  if (trace_ != nullptr) write_trace(transport_, *trace_, options_.trace);
  look_at_time();
  if (root && !options_.quiet) fmt::print("{}", block());
  std::fflush(stdout);
  if (!options_.json.empty()) {
    using Handler = nlohmann::json::error_handler_t;
    on_root(transport_,
            [&] { write_text(options_.json, json().dump(2, ' ', false, Handler::replace) + "\n"); });
  }
  if (verified()) return static_cast<int>(Status::verified);
  if (root)
    fmt::print(stderr, "tutti: error: {}: verification failed: {}\n", options_.app_name(), failures());
  return static_cast<int>(Status::failed_verification);
}

}  // namespace tutti
