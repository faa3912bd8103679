// What came of the timed runs, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "runtime/insight/roofline.hpp"
#include "runtime/insight/timed_runs.hpp"

namespace tutti {

/// The value of "efficiency" in the results:
///   elapsed_s, steps, critical_path_s (per step)
///   factors      {parallel, process, ...} as in Factors
///   time_share   {useful, communication, runtime, idle}
///   preempted    share of the time in which workers were kept from their processors
///   roofline     {peak_gflops, bandwidth_gb_s}
///   operations   [{name, calls, time_s, share, gflops, gb_s, intensity, fraction_of_roofline}]; time_s is
///                summed over workers, share is of elapsed x workers; null where a kernel declares no cost
///   workers      [[useful_s, communication_s, runtime_s, idle_s]] by rank, then worker
///   explanation  [sentence]
nlohmann::json efficiency_json(const Findings& findings, const Roofline& roofline,
                               const std::vector<std::string>& explanation);

/// The kernels as a table of lines, with a heading.
std::string operation_table(const Findings& findings, const Roofline& roofline);

}  // namespace tutti
