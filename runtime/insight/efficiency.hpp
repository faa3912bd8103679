// Efficiency: the time of all workers, split into factors that multiply (POP Centre of Excellence, hybrid
// multiplicative model), and by operation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tutti {

/// Seconds of one worker in the timed runs. The rest of the elapsed time is the runtime's own work.
struct WorkerSeconds {
  double useful_s = 0;
  double communication_s = 0;
  double idle_s = 0;
  double preempted_s = 0;  ///< part of any of these: its processor was given to somebody else
};

/// What one rank spent on one operation, all its tiles and steps together.
struct OperationTime {
  double calls = 0;
  double time_s = 0;  ///< summed over its workers
  double flops = 0;   ///< as the kernel declares them
  double bytes = 0;
};

/// What one rank knows of its timed runs.
struct RankTimes {
  double elapsed_s = 0;
  double runs = 0;  ///< calls of run()
  std::vector<WorkerSeconds> workers;
  std::vector<OperationTime> operations;  ///< the same operations on all ranks
  double single_s = 0;                    ///< of elapsed_s, while one worker ran all tasks
};

/// Factors of the time that all workers had, each at most 1:
///
///   parallel                       useful time / (elapsed x workers)
///     process                      mean / elapsed of what ranks are not kept waiting by messages
///       process_load_balance       mean / largest of that
///       process_communication      largest of that / elapsed
///         serialisation            largest of that / what remains if messages take no time
///         transfer                 the latter / elapsed
///     thread                       useful time / what ranks are not kept waiting by messages
///       thread_load_balance        share of it in which workers have something to do
///       scheduling                 share of the latter inside kernels: the rest is the runtime's own work
///
/// A rank is kept waiting by messages while it packs, unpacks and polls, and (of several ranks) while its
/// busiest worker is idle: workers that wait longer than that one wait for each other. A rank alone is never
/// kept waiting; its copies into ghosts count as the runtime's work. What remains if messages take no time is
/// the longer of the busiest rank's own time and the critical path.
struct Factors {
  double parallel = 0;
  double process = 0;
  double process_load_balance = 0;
  double process_communication = 0;
  double serialisation = 0;
  double transfer = 0;
  double thread = 0;
  double thread_load_balance = 0;
  double scheduling = 0;
};

/// Shares of elapsed x workers; they add up to 1.
struct TimeShare {
  double useful = 0;
  double communication = 0;
  double runtime = 0;
  double idle = 0;
};

struct Efficiency {
  double elapsed_s = 0;  ///< of the slowest rank
  std::uint32_t workers = 0;
  Factors factors;
  TimeShare share;
  double preempted = 0;  ///< share of elapsed x workers in which workers were kept from their processors
};

/// Of at least one rank with at least one worker and some time. `critical_path_s` is for all timed steps
/// together.
Efficiency efficiency(const std::vector<RankTimes>& ranks, double critical_path_s);

/// The factors as an indented tree for people, two spaces before each line. Branches that are 1 by nature
/// (one rank, or one worker per rank) are left out.
std::string tree(const Efficiency& efficiency, std::uint32_t ranks);

}  // namespace tutti
