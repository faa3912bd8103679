#include "runtime/insight/efficiency.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace tutti {
namespace {

/// Of a rank, in seconds of elapsed time.
struct RankShare {
  double own_s = 0;   ///< not kept waiting by messages
  double busy_s = 0;  ///< mean over workers: useful or runtime
};

RankShare share_of(const RankTimes& rank, double elapsed_s, bool alone) {
  double least_idle_s = elapsed_s, communication_s = 0, idle_s = 0;
  for (const WorkerSeconds& w : rank.workers) {
    const double waited_s = w.idle_s + (elapsed_s - rank.elapsed_s);  // ranks that were done early wait
    least_idle_s = std::min(least_idle_s, waited_s);
    idle_s += waited_s;
    communication_s += w.communication_s;
  }
  const auto workers = static_cast<double>(rank.workers.size());
  if (alone) return {elapsed_s, elapsed_s - idle_s / workers};
  const double own_s = elapsed_s - communication_s / workers;
  return {own_s - least_idle_s, own_s - idle_s / workers};
}

double ratio(double part, double whole) { return whole > 0 ? std::clamp(part / whole, 0.0, 1.0) : 1; }

}  // namespace

Efficiency efficiency(const std::vector<RankTimes>& ranks, double critical_path_s) {
  Efficiency e;
  for (const RankTimes& r : ranks) e.elapsed_s = std::max(e.elapsed_s, r.elapsed_s);
  double useful_s = 0, communication_s = 0, idle_s = 0, own_s = 0, most_own_s = 0, busy_s = 0,
         preempted_s = 0;
  for (const RankTimes& r : ranks) {
    const RankShare share = share_of(r, e.elapsed_s, ranks.size() == 1);
    const auto workers = static_cast<double>(r.workers.size());
    own_s += share.own_s * workers;
    busy_s += share.busy_s * workers;
    most_own_s = std::max(most_own_s, share.own_s);
    e.workers += static_cast<std::uint32_t>(r.workers.size());
    for (const WorkerSeconds& w : r.workers) {
      useful_s += w.useful_s;
      communication_s += w.communication_s;
      preempted_s += w.preempted_s;
      idle_s += w.idle_s + (e.elapsed_s - r.elapsed_s);
    }
  }
  const double all_s = e.elapsed_s * e.workers;
  const double free_messages_s = std::min(e.elapsed_s, std::max(most_own_s, critical_path_s));
  Factors& f = e.factors;
  f.process_load_balance = ratio(own_s / e.workers, most_own_s);
  f.serialisation = ratio(most_own_s, free_messages_s);
  f.transfer = ratio(free_messages_s, e.elapsed_s);
  f.process_communication = f.serialisation * f.transfer;
  f.process = f.process_load_balance * f.process_communication;
  f.thread_load_balance = ratio(busy_s, own_s);
  f.scheduling = ratio(useful_s, busy_s);
  f.thread = f.thread_load_balance * f.scheduling;
  f.parallel = f.process * f.thread;
  e.share.useful = ratio(useful_s, all_s);
  e.share.communication = ratio(communication_s, all_s);
  e.share.idle = ratio(idle_s, all_s);
  e.preempted = ratio(preempted_s, all_s);
  e.share.runtime = std::max(0.0, 1 - e.share.useful - e.share.communication - e.share.idle);
  return e;
}

std::string tree(const Efficiency& e, std::uint32_t ranks) {
  std::string text;
  const auto line = [&](int depth, const char* name, double value) {
    text += fmt::format("  {:<22}{:>5.1f} %\n", std::string(2 * static_cast<std::size_t>(depth), ' ') + name,
                        100 * value);
  };
  const Factors& f = e.factors;
  line(0, "parallel efficiency", f.parallel);
  if (ranks > 1) {
    line(1, "between ranks", f.process);
    line(2, "load balance", f.process_load_balance);
    line(2, "communication", f.process_communication);
    line(3, "serialisation", f.serialisation);
    line(3, "transfer", f.transfer);
  }
  line(1, "within ranks", f.thread);
  if (e.workers > ranks) line(2, "load balance", f.thread_load_balance);
  line(2, "scheduling", f.scheduling);
  return text;
}

}  // namespace tutti
