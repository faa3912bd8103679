// Where the time of a graph's runs went: sums that the executor keeps in every run, at next to no cost.
#pragma once

#include <cstdint>
#include <vector>

namespace tutti {

/// Ticks of one worker. What is in none of them is the runtime's own work. Written by that worker.
struct alignas(64) WorkerTime {
  std::uint64_t useful = 0;         ///< inside kernels and reductions
  std::uint64_t communication = 0;  ///< packing, unpacking, and inside the transport while it had work
  std::uint64_t idle = 0;           ///< nothing to do; includes looking for messages meanwhile
  /// Part of any of these: it wanted to go on, but its processor was given to somebody else. Tasks only.
  std::uint64_t preempted = 0;
};

/// How long a node takes. Written by whoever runs it.
struct NodeTime {
  std::uint64_t ticks = 0;  ///< of the samples
  std::uint32_t samples = 0;
};

/// All runs of one graph on one rank since it was recorded. Read it between runs.
struct Profile {
  Profile(std::size_t node_count, std::uint32_t worker_count) : workers(worker_count), nodes(node_count) {}

  std::vector<WorkerTime> workers;
  std::vector<NodeTime> nodes;
  std::uint64_t elapsed = 0;  ///< ticks inside run()
  std::uint64_t single = 0;   ///< of these, while one worker ran all nodes
};

}  // namespace tutti
