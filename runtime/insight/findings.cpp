#include "runtime/insight/findings.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace tutti {
namespace {

/// Rates of an operation with all workers at it.
struct Rates {
  double flops_per_s = 0;
  double bytes_per_s = 0;
  double intensity = 0;
  double of_roofline = 0;
};

Rates rates(const OperationTime& time, const Findings& f, const Roofline& roofline) {
  Rates r;
  const double wall_s = time.time_s / f.efficiency.workers;
  if (wall_s <= 0 || time.bytes <= 0) return r;
  r.flops_per_s = time.flops / wall_s;
  r.bytes_per_s = time.bytes / wall_s;
  r.intensity = time.flops / time.bytes;
  // without arithmetic the bandwidth alone is the roof
  r.of_roofline = time.flops > 0 ? r.flops_per_s / roofline.attainable(r.intensity)
                                 : r.bytes_per_s / roofline.bytes_per_s;
  return r;
}

double share(const OperationTime& time, const Findings& f) {
  return time.time_s / (f.efficiency.elapsed_s * f.efficiency.workers);
}

}  // namespace

nlohmann::json efficiency_json(const Findings& f, const Roofline& roofline,
                               const std::vector<std::string>& explanation) {
  using nlohmann::json;
  const Efficiency& e = f.efficiency;
  json operations = json::array();
  for (const OperationFinding& o : f.operations) {
    const Rates r = rates(o.all, f, roofline);
    const bool known = r.bytes_per_s > 0;
    operations.push_back({{"name", o.name},
                          {"calls", o.all.calls},
                          {"time_s", o.all.time_s},
                          {"share", share(o.all, f)},
                          {"gflops", known ? json(r.flops_per_s / 1e9) : json()},
                          {"gb_s", known ? json(r.bytes_per_s / 1e9) : json()},
                          {"intensity", known ? json(r.intensity) : json()},
                          {"fraction_of_roofline", known ? json(r.of_roofline) : json()}});
  }
  json workers = json::array();
  for (const RankTimes& rank : f.ranks)
    for (const WorkerSeconds& w : rank.workers) {
      const double idle_s = w.idle_s + (e.elapsed_s - rank.elapsed_s);
      const double runtime_s = std::max(0.0, e.elapsed_s - w.useful_s - w.communication_s - idle_s);
      workers.push_back({w.useful_s, w.communication_s, runtime_s, idle_s});
    }
  return {{"elapsed_s", e.elapsed_s},
          {"steps", f.steps},
          {"critical_path_s", f.critical_path_s},
          {"factors",
           {{"parallel", e.factors.parallel},
            {"process", e.factors.process},
            {"process_load_balance", e.factors.process_load_balance},
            {"process_communication", e.factors.process_communication},
            {"serialisation", e.factors.serialisation},
            {"transfer", e.factors.transfer},
            {"thread", e.factors.thread},
            {"thread_load_balance", e.factors.thread_load_balance},
            {"scheduling", e.factors.scheduling}}},
          {"time_share",
           {{"useful", e.share.useful},
            {"communication", e.share.communication},
            {"runtime", e.share.runtime},
            {"idle", e.share.idle}}},
          {"preempted", e.preempted},
          {"roofline",
           {{"peak_gflops", roofline.flops_per_s / 1e9}, {"bandwidth_gb_s", roofline.bytes_per_s / 1e9}}},
          {"operations", operations},
          {"workers", workers},
          {"explanation", explanation}};
}

std::string operation_table(const Findings& f, const Roofline& roofline) {
  std::string text = fmt::format("  {:<20}{:>10}{:>9}{:>11}{:>10}{:>9}{:>11}{:>10}\n", "kernel", "calls",
                                 "share", "us a call", "GFLOP/s", "GB/s", "flop/byte", "of roof");
  for (const OperationFinding& o : f.operations) {
    const Rates r = rates(o.all, f, roofline);
    text += fmt::format("  {:<20}{:>10.0f}{:>7.1f} %{:>11.3g}", o.name, o.all.calls, 100 * share(o.all, f),
                        o.all.calls > 0 ? o.all.time_s / o.all.calls * 1e6 : 0);
    text += r.bytes_per_s > 0 ? fmt::format("{:>10.3g}{:>9.3g}{:>11.3g}{:>10.2f}\n", r.flops_per_s / 1e9,
                                            r.bytes_per_s / 1e9, r.intensity, r.of_roofline)
                              : fmt::format("{:>10}{:>9}{:>11}{:>10}\n", "-", "-", "-", "-");
  }
  return text + fmt::format("  roofs: {:.4g} GFLOP/s, {:.4g} GB/s\n", roofline.flops_per_s / 1e9,
                            roofline.bytes_per_s / 1e9);
}

}  // namespace tutti
