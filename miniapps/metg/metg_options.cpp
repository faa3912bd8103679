#include "miniapps/metg/metg_options.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "runtime/error.hpp"
#include "runtime/text.hpp"

using tutti::usage_error;

namespace {

const std::vector<std::string> known_systems{"mpi", "one-rank", "static", "omp-task", "omp-for", "tbb"};
constexpr std::int64_t longest_recorded = 2520;  // with its swaps unrolled, half of what a graph may hold

}  // namespace

void MetgOptions::declare(CLI::App& app) {
  using namespace tutti;
  add_choice(app, "--pattern", pattern, metg::pattern_names(),
             "which tasks of the step before a task reads (default: stencil_1d)");
  add_text(app, "--width", width, "tasks of a step; 4x: four for each worker (default: 1x)");
  add_integer(app, "--steps", steps, 0, "steps of a run (default: 1000; in a sweep 10000 where they repeat)");
  add_choice(app, "--kernel", kernel, metg::kernel_names(), "what a task computes (default: compute_bound)");
  add_integer(app, "--iterations", iterations, 0, "of the kernel in each task (default: 100)");
  add_integer(app, "--output-bytes", output_bytes, 16, "of each task, a multiple of 16 (default: 16)");
  add_integer(app, "--graphs", graphs, 1, "independent graphs that run at once (default: 1)");
  add_integer(app, "--radix", radix, 0, "nearest, spread, random_nearest: inputs of a task (default: 3)");
  add_integer(app, "--period", period, 1, "spread, random_nearest: steps until they repeat (default: 3)");
  add_number(app, "--fraction", fraction, 0,
             "random_nearest: share of inputs that are there (default: 0.25)");
  add_number(app, "--imbalance", imbalance, 0,
             "load_imbalance: sizes differ by so much of the mean, at most 2 (default: 1)");
  add_flag(app, "--persistent", persistent,
           "load_imbalance: the first half of the points takes 1 + imbalance as long in every step");
  add_flag(app, "--no-check", no_check, "time the tasks without checking their inputs");
  add_flag(app, "--sweep", sweep, "find METG(50 %), the smallest task that runs at half of the peak");
  add_text(app, "--against", against, "measure others too, in turn: of " + joined(known_systems, ","));
}

void MetgOptions::validate() {
  if (output_bytes % 16 != 0 || output_bytes > 1 << 30)
    usage_error("--output-bytes takes a multiple of 16 up to 2^30, not {}", output_bytes);
  if (fraction > 1) usage_error("--fraction takes 0 to 1, not {}", fraction);
  if (imbalance > 2) usage_error("--imbalance takes 0 to 2, not {}", imbalance);
  if (sweep && kernel == "empty") usage_error("--sweep needs a --kernel that works; empty has no size");
  const bool is_recorded_whole = pattern == "dom" || pattern == "tree";
  if (!tile.empty()) usage_error("--tile: the tiles of metg are its tasks; use --width");
  if (!output.empty())
    usage_error("--output: metg has no solution to write; use --json for what it measures");
  if (steps == 0) steps = sweep && !is_recorded_whole ? 10000 : 1000;
  if (is_recorded_whole && steps > longest_recorded)
    usage_error("--pattern {} is recorded at full length and takes at most {} --steps, not {}", pattern,
                longest_recorded, steps);
  std::istringstream words(against);
  for (std::string word; std::getline(words, word, ',');) {
    if (std::find(known_systems.begin(), known_systems.end(), word) == known_systems.end())
      usage_error("--against takes some of {} with commas between, not '{}'",
                  tutti::joined(known_systems, ","), word);
    if (!compares_with(word)) systems.push_back(word);
  }
  width_in_tasks(1);
}

bool MetgOptions::compares_with(const std::string& system) const {
  return std::find(systems.begin(), systems.end(), system) != systems.end();
}

std::int64_t MetgOptions::width_in_tasks(std::uint32_t workers) const {
  const bool is_multiple = width.ends_with('x');
  const std::string digits = width.substr(0, width.size() - (is_multiple ? 1 : 0));
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  const std::int64_t most = (1 << 24) / (is_multiple ? workers : 1);
  if (error != std::errc{} || end != digits.data() + digits.size() || n < 1 || n > most)
    usage_error("--width takes a number of tasks from 1 to 2^24 or a multiple of the workers (4x), not '{}'",
                width);
  return is_multiple ? n * workers : n;
}

metg::Problem MetgOptions::problem(std::uint32_t workers) const {
  metg::Problem p;
  metg::PatternSpec spec{pattern, width_in_tasks(workers), steps, radix, period, fraction, seed, 0};
  for (; spec.graph < static_cast<std::uint64_t>(graphs); ++spec.graph) p.graphs.emplace_back(spec);
  p.work.kind = metg::kernel_kind(kernel);
  p.work.iterations = iterations;
  p.work.imbalance = imbalance;
  p.work.persistent = persistent;
  p.work.width = p.width();
  p.work.seed = seed;
  p.output_words = static_cast<std::size_t>(output_bytes) / sizeof(std::uint64_t);
  p.check = !no_check;
  return p;
}
