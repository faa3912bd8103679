#include "runtime/insight/explain.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace tutti {
namespace {

using Sentences = std::vector<std::string>;

constexpr double worth_a_word = 0.1;  // a factor that loses less is not what limits a run

double percent(double share) { return 100 * share; }

std::string duration(double seconds) {
  if (seconds >= 1) return fmt::format("{:.3g} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.3g} ms", seconds * 1e3);
  if (seconds >= 1e-6) return fmt::format("{:.3g} us", seconds * 1e6);
  return fmt::format("{:.3g} ns", seconds * 1e9);
}

double useful_s(const RankTimes& rank) {
  double sum = 0;
  for (const WorkerSeconds& w : rank.workers) sum += w.useful_s;
  return sum;
}

/// Time that the rank's share of the work would take at everybody's mean speed.
double expected_s(const Findings& f, const RankTimes& rank) {
  double sum = 0;
  for (std::size_t o = 0; o < f.operations.size(); ++o) {
    const OperationTime& all = f.operations[o].all;
    const OperationTime& mine = rank.operations[o];
    const double share = all.bytes > 0   ? mine.bytes / all.bytes
                         : all.flops > 0 ? mine.flops / all.flops
                         : all.calls > 0 ? mine.calls / all.calls
                                         : 0;
    sum += share * all.time_s;
  }
  return sum;
}

double calls(const Findings& f) {
  double sum = 0;
  for (const OperationFinding& o : f.operations) sum += o.all.calls;
  return std::max(1.0, sum);
}

Sentences unequal_ranks(const Findings& f) {
  double useful = 0, expected = 0;
  std::size_t slowest = 0;
  for (std::size_t r = 0; r < f.ranks.size(); ++r) {
    useful += useful_s(f.ranks[r]) / static_cast<double>(f.ranks.size());
    expected += expected_s(f, f.ranks[r]) / static_cast<double>(f.ranks.size());
    if (useful_s(f.ranks[r]) > useful_s(f.ranks[slowest])) slowest = r;
  }
  const double time_ratio = useful > 0 ? useful_s(f.ranks[slowest]) / useful : 1;
  const double work_ratio = expected > 0 ? expected_s(f, f.ranks[slowest]) / expected : 1;
  const std::string head = fmt::format(
      "Load imbalance between ranks limits this run: rank {} computes {:.2f} times as long as the "
      "mean of all ranks, and {:.0f} % of the time is lost waiting for it.",
      slowest, time_ratio, percent(1 - f.efficiency.factors.process_load_balance));
  if (work_ratio - 1 >= (time_ratio - 1) / 2)
    return {head,
            fmt::format("It has {:.2f} times the mean share of the work: choose --tile or the number of "
                        "ranks so that all ranks get equally many cells.",
                        work_ratio)};
  return {head, fmt::format("Its share of the work is {:.2f} times the mean, so it is the rank that is slow, "
                            "not the work that is uneven: look for other programs on its cores, a slower "
                            "processor, or what only this rank does.",
                            work_ratio)};
}

Sentences dependent_ranks(const Findings& f) {
  return {
      fmt::format("Ranks that depend on each other limit this run: {:.0f} % of the time is lost in chains "
                  "of tasks that wait for tasks of other ranks, however fast messages are.",
                  percent(1 - f.efficiency.factors.serialisation)),
      fmt::format("The longest chain takes {} of the {} per step: shorten it, or give the ranks other "
                  "work meanwhile.",
                  duration(f.critical_path_s), duration(f.efficiency.elapsed_s / f.steps))};
}

Sentences messages(const Findings& f) {
  const Efficiency& e = f.efficiency;
  return {
      fmt::format("Messages limit this run: {:.0f} % of the time is lost to waiting for messages on their "
                  "way, and workers spend {:.0f} % of theirs packing, unpacking and polling.",
                  percent(1 - e.factors.transfer), percent(e.share.communication)),
      fmt::format("A step takes {}, of which each worker computes {}: use fewer ranks with more threads, "
                  "or a larger problem.",
                  duration(e.elapsed_s / f.steps), duration(e.share.useful * e.elapsed_s / f.steps))};
}

Sentences one_worker_was_quicker(const Findings& f) {
  const Efficiency& e = f.efficiency;
  return {
      fmt::format("Steps of {} limit this run: one worker of a rank alone took less time for them than all "
                  "together, which would have waited for each other's data, so the others slept.",
                  duration(e.elapsed_s / f.steps)),
      "More work in a step would be shared; --task-order free or fixed shares it anyway."};
}

Sentences idle_workers(const Findings& f) {
  const Efficiency& e = f.efficiency;
  double single_s = 0, all_s = 0;
  for (const RankTimes& r : f.ranks) {
    single_s += r.single_s;
    all_s += r.elapsed_s;
  }
  if (single_s > all_s / 2) return one_worker_was_quicker(f);
  const double tasks = calls(f) / f.steps;
  Sentences s{
      fmt::format("Load imbalance within ranks limits this run: workers have nothing to do for {:.0f} % "
                  "of the time, while others of their rank work.",
                  percent(1 - e.factors.thread_load_balance))};
  if (tasks < 4.0 * e.workers)
    s.push_back(
        fmt::format("There are {:.3g} tasks per step for {} workers: smaller tiles (--tile) would "
                    "spread the work better.",
                    tasks, e.workers));
  else
    s.push_back(
        fmt::format("The longest chain of dependent tasks takes {} of the {} per step; "
                    "--trace FILE shows who waits for whom.",
                    duration(f.critical_path_s), duration(e.elapsed_s / f.steps)));
  return s;
}

Sentences small_tasks(const Findings& f) {
  const Efficiency& e = f.efficiency;
  const double worker_s = e.elapsed_s * e.workers;
  return {fmt::format("Too small tasks limit this run: a task computes for {} on average, and the runtime "
                      "needs {} for each.",
                      duration(e.share.useful * worker_s / calls(f)),
                      duration(e.share.runtime * worker_s / calls(f))),
          fmt::format("There are {:.4g} tasks per step: larger tiles (--tile) would cost less.",
                      calls(f) / f.steps)};
}

Sentences busiest_kernel(const Findings& f, const Roofline& roofline) {
  const OperationFinding& top = f.operations.front();
  const std::string head = fmt::format("No time is lost worth a word (parallel efficiency {:.0f} %)",
                                       percent(f.efficiency.factors.parallel));
  double all_s = 0;
  for (const OperationFinding& o : f.operations) all_s += o.all.time_s;
  const std::string kernel = fmt::format("'{}', {:.0f} % of what kernels take,", top.name,
                                         percent(all_s > 0 ? top.all.time_s / all_s : 0));
  if (top.all.bytes <= 0 || top.all.time_s <= 0)
    return {fmt::format("{}: the kernel {} sets the pace; it does not declare what it moves.", head, kernel)};
  const double wall_s = top.all.time_s / f.efficiency.workers;
  const double bandwidth = top.all.bytes / wall_s, flops = top.all.flops / wall_s;
  const double of_bandwidth = bandwidth / roofline.bytes_per_s, of_peak = flops / roofline.flops_per_s;
  if (of_bandwidth > 1.2)
    return {fmt::format("{}: the kernel {} sets the pace.", head, kernel),
            fmt::format("It works from the caches, at {:.3g} GB/s, {:.1f} times what memory gives, and at "
                        "{:.2f} of the peak of its arithmetic.",
                        bandwidth / 1e9, of_bandwidth, of_peak)};
  if (of_bandwidth >= 0.6)
    return {fmt::format("Memory bandwidth limits this run: the kernel {} moves {:.3g} GB/s, {:.2f} of the "
                        "{:.3g} GB/s that copying reaches.",
                        kernel, bandwidth / 1e9, of_bandwidth, roofline.bytes_per_s / 1e9),
            fmt::format("{}.", head)};
  if (of_peak >= 0.6)
    return {fmt::format("The arithmetic of the cores limits this run: the kernel {} does {:.3g} GFLOP/s, "
                        "{:.2f} of what they can do.",
                        kernel, flops / 1e9, of_peak),
            fmt::format("{}.", head)};
  return {
      fmt::format("{}: the kernel {} sets the pace.", head, kernel),
      fmt::format("It moves {:.3g} GB/s, {:.2f} of what copying reaches, and does {:.3g} GFLOP/s, {:.2f} of "
                  "the peak: neither memory nor arithmetic limits it, but the order of its instructions.",
                  bandwidth / 1e9, of_bandwidth, flops / 1e9, of_peak)};
}

}  // namespace

Sentences explain(const Findings& f, const Roofline& roofline, const Crowding& crowding) {
  if (f.efficiency.workers == 0 || f.steps == 0 || f.operations.empty()) return {};
  if (crowding.workers > crowding.capacity)
    return {
        fmt::format("Workers that share processors limit this run: {} of them on {} may run on no more than "
                    "{} processor{} (number {}), so they take turns.",
                    crowding.workers, crowding.host, crowding.capacity, crowding.capacity == 1 ? "" : "s",
                    crowding.processors),
        "Start fewer ranks or threads, or bind them to processors of their own: `tutti run` does, and with "
        "mpirun --map-by slot:PE=THREADS --bind-to core; --print-affinity shows what each worker has."};
  if (f.efficiency.preempted >= worth_a_word)
    return {
        fmt::format("Other programs on the same processors limit this run: for {:.0f} % of the time workers "
                    "could not go on, because their processor was given to somebody else.",
                    percent(f.efficiency.preempted)),
        "Measure again on processors of your own: what else is said about this run would be of little "
        "worth."};
  const Factors& factors = f.efficiency.factors;
  struct Loss {
    double factor;
    Sentences (*say)(const Findings&);
  };
  const Loss losses[] = {{factors.process_load_balance, &unequal_ranks},
                         {factors.serialisation, &dependent_ranks},
                         {factors.transfer, &messages},
                         {factors.thread_load_balance, &idle_workers},
                         {factors.scheduling, &small_tasks}};
  const Loss* worst = std::min_element(std::begin(losses), std::end(losses),
                                       [](const Loss& a, const Loss& b) { return a.factor < b.factor; });
  if (1 - worst->factor >= worth_a_word) return worst->say(f);
  return busiest_kernel(f, roofline);
}

}  // namespace tutti
