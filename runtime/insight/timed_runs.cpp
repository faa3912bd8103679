#include "runtime/insight/timed_runs.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/insight/clock.hpp"
#include "runtime/insight/critical_path.hpp"

namespace tutti {
namespace {

bool is_kernel(const PlanNode& n) {
  return n.kind == NodeKind::run || n.kind == NodeKind::compute || n.kind == NodeKind::decide;
}

// -- a rank's times as bytes

void append(Bytes& to, const void* data, std::size_t bytes) {
  if (bytes == 0) return;
  to.resize(to.size() + bytes);
  std::memcpy(to.data() + to.size() - bytes, data, bytes);
}
template <class T>
void append(Bytes& to, const std::vector<T>& values) {
  const std::uint64_t count = values.size();
  append(to, &count, sizeof count);
  append(to, values.data(), count * sizeof(T));
}
void take(const std::byte*& from, void* data, std::size_t bytes) {
  if (bytes == 0) return;
  std::memcpy(data, from, bytes);
  from += bytes;
}
template <class T>
void take(const std::byte*& from, std::vector<T>& values) {
  std::uint64_t count = 0;
  take(from, &count, sizeof count);
  values.resize(count);
  take(from, values.data(), count * sizeof(T));
}

std::vector<RankTimes> of_all_ranks(Transport& transport, const RankTimes& mine) {
  Bytes bytes;
  append(bytes, &mine.elapsed_s, sizeof mine.elapsed_s);
  append(bytes, &mine.single_s, sizeof mine.single_s);
  append(bytes, &mine.runs, sizeof mine.runs);
  append(bytes, mine.workers);
  append(bytes, mine.operations);
  std::vector<RankTimes> ranks;
  for (const Bytes& theirs : transport.gather_all(bytes)) {
    RankTimes& rank = ranks.emplace_back();
    const std::byte* at = theirs.data();
    take(at, &rank.elapsed_s, sizeof rank.elapsed_s);
    take(at, &rank.single_s, sizeof rank.single_s);
    take(at, &rank.runs, sizeof rank.runs);
    take(at, rank.workers);
    take(at, rank.operations);
  }
  return ranks;
}

}  // namespace

void TimedRuns::begin(const std::shared_ptr<const Plan>& plan, const std::shared_ptr<Profile>& profile) {
  const auto known =
      std::find_if(graphs_.begin(), graphs_.end(), [&](const TimedGraph& g) { return g.profile == profile; });
  current_ = static_cast<std::size_t>(known - graphs_.begin());
  if (known == graphs_.end()) {
    graphs_.push_back({plan, profile, std::vector<WorkerTime>(profile->workers.size()), 0, 0, 0, 0});
    std::fill(profile->nodes.begin(), profile->nodes.end(), NodeTime{});  // without the warm-up
  }
  before_.workers = profile->workers;
  before_.elapsed = profile->elapsed;
  before_.single = profile->single;
}

void TimedRuns::end(std::int64_t steps) {
  TimedGraph& g = graphs_[current_];
  for (std::size_t w = 0; w < g.workers.size(); ++w) {
    const WorkerTime& now = g.profile->workers[w];
    const WorkerTime& was = before_.workers[w];
    g.workers[w].useful += now.useful - was.useful;
    g.workers[w].communication += now.communication - was.communication;
    g.workers[w].idle += now.idle - was.idle;
    g.workers[w].preempted += now.preempted - was.preempted;
  }
  g.elapsed += g.profile->elapsed - before_.elapsed;
  g.single += g.profile->single - before_.single;
  g.steps += steps;
  ++g.runs;
}

// A node that was never timed takes what the others of its operation take.
std::vector<double> TimedRuns::node_seconds(const TimedGraph& g) const {
  const double tick_s = seconds_per_tick();
  const std::vector<PlanNode>& nodes = g.plan->nodes;
  std::vector<NodeTime> of_operation(g.plan->program->operations.size());
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    if (!is_kernel(nodes[n])) continue;
    of_operation[nodes[n].operation].ticks += g.profile->nodes[n].ticks;
    of_operation[nodes[n].operation].samples += g.profile->nodes[n].samples;
  }
  std::vector<double> seconds(nodes.size(), 0);
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    NodeTime t = g.profile->nodes[n];
    if (t.samples == 0 && is_kernel(nodes[n])) t = of_operation[nodes[n].operation];
    if (t.samples > 0) seconds[n] = tick_s * static_cast<double>(t.ticks) / t.samples;
  }
  return seconds;
}

std::vector<std::string> TimedRuns::kernel_names() const {
  std::vector<std::string> names;
  for (const TimedGraph& g : graphs_)
    for (const BoundOperation& op : g.plan->program->operations)
      if (const std::string& name = op.operation->kernel.name;
          std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(name);
  return names;
}

RankTimes TimedRuns::times_of_this_rank(const std::vector<std::string>& names) const {
  RankTimes times;
  const double tick_s = seconds_per_tick();
  times.operations.resize(names.size());
  for (const TimedGraph& g : graphs_) {
    times.elapsed_s += tick_s * static_cast<double>(g.elapsed);
    times.single_s += tick_s * static_cast<double>(g.single);
    times.runs += static_cast<double>(g.runs);
    times.workers.resize(g.workers.size());
    for (std::size_t w = 0; w < g.workers.size(); ++w) {
      times.workers[w].useful_s += tick_s * static_cast<double>(g.workers[w].useful);
      times.workers[w].communication_s += tick_s * static_cast<double>(g.workers[w].communication);
      times.workers[w].idle_s += tick_s * static_cast<double>(g.workers[w].idle);
      times.workers[w].preempted_s += tick_s * static_cast<double>(g.workers[w].preempted);
    }
    const std::vector<double> seconds = node_seconds(g);
    const double cycles = static_cast<double>(g.steps) / g.plan->copies_per_cycle();
    std::vector<std::size_t> index;  // by operation of the plan
    for (const BoundOperation& op : g.plan->program->operations)
      index.push_back(static_cast<std::size_t>(
          std::find(names.begin(), names.end(), op.operation->kernel.name) - names.begin()));
    for (std::size_t n = 0; n < seconds.size(); ++n) {
      const PlanNode& node = g.plan->nodes[n];
      if (!is_kernel(node)) continue;
      const Cost& cost = g.plan->operation_of(node).kernel.cost;
      const double cells = node.kind == NodeKind::run ? static_cast<double>(node.task.box.size()) : 1;
      OperationTime& t = times.operations[index[node.operation]];
      t.calls += cycles;
      t.time_s += cycles * seconds[n];
      t.flops += cycles * cells * cost.flops;
      t.bytes += cycles * cells * cost.bytes;
    }
  }
  return times;
}

Findings TimedRuns::findings(Transport& transport) const {
  Findings f;
  const std::vector<std::string> names = kernel_names();
  f.ranks = of_all_ranks(transport, times_of_this_rank(names));
  double critical_path_s = 0;
  for (const TimedGraph& g : graphs_) {
    const auto steps = static_cast<double>(g.steps);
    f.steps += steps;
    critical_path_s += steps * tutti::critical_path_s(*g.plan, node_seconds(g), transport);
  }
  if (f.steps > 0) f.critical_path_s = critical_path_s / f.steps;
  f.efficiency = efficiency(f.ranks, critical_path_s);

  std::vector<std::size_t> order;
  for (std::size_t o = 0; o < names.size(); ++o) {
    order.push_back(o);
    OperationFinding finding{names[o], {}};
    for (const RankTimes& r : f.ranks) {
      finding.all.calls += r.operations[o].calls;
      finding.all.time_s += r.operations[o].time_s;
      finding.all.flops += r.operations[o].flops;
      finding.all.bytes += r.operations[o].bytes;
    }
    f.operations.push_back(std::move(finding));
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return f.operations[a].all.time_s > f.operations[b].all.time_s;
  });
  const auto sorted = [&](auto& list) {
    auto old = list;
    for (std::size_t i = 0; i < order.size(); ++i) list[i] = old[order[i]];
  };
  sorted(f.operations);
  for (RankTimes& r : f.ranks) sorted(r.operations);
  return f;
}

}  // namespace tutti
