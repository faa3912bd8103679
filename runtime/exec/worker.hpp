// The moving parts of the tasks schedule: what replay touches of a node, and what a worker owns.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/exec/completion_list.hpp"
#include "runtime/exec/ready_queue.hpp"
#include "runtime/exec/ring.hpp"
#include "runtime/insight/meter.hpp"

namespace tutti {

/// No node, or no worker.
inline constexpr std::uint32_t none = ~0U;

/// The part of a node that replay touches, two to a cache line. Written by the home worker; between becoming
/// ready and completion, by whoever runs the node.
struct alignas(32) HotNode {
  std::uint32_t counter = 0;
  std::uint32_t in_degree = 0;
  std::int64_t next_step = 0;
  std::uint32_t first_successor = 0;
  std::uint32_t last_successor = 0;
  std::uint32_t home = 0;
  bool urgent = false;  ///< other ranks wait for it
  /// As last measured: timing it, and looking at mail and network after it, costs next to nothing.
  bool is_long = true;
};

/// A successor with its home, so that releasing does not read the other worker's node.
struct Successor {
  std::uint32_t node;
  std::uint32_t home;
};

struct alignas(128) Worker {
  Worker(std::uint32_t id, std::uint32_t nodes, std::uint32_t messages, const Meter& meter)
      : id(id),
        meter(meter),
        urgent(std::bit_ceil(std::max(nodes, 1U))),
        ready(std::bit_ceil(std::max(nodes, 1U))),
        list(nodes + messages) {}

  std::uint32_t id;
  Meter meter;
  // Oldest first: steps stay together, so what neighbours wait for is not left behind by a worker that runs
  // ahead elsewhere. (Newest first: 1.1 x the time when delays move from rank to rank.)
  ReadyQueue urgent;
  ReadyQueue ready;
  CompletionList list;                          ///< nodes run elsewhere, and nodes + m: message m is done
  std::vector<std::unique_ptr<Ring>> incoming;  ///< by sending worker; null where no edge comes from it
  std::vector<std::uint32_t> held;              ///< ready, but beyond the gate
  std::int64_t gate_seen = 0;
  std::vector<std::uint32_t> messages_done;             ///< scratch
  bool polls = false;                                   ///< holds the poller's role
  alignas(64) std::atomic<std::uint64_t> completed{0};  ///< nodes it ran in this run; written by itself
  std::atomic<std::uint32_t> current{none};             ///< for explain()
};

}  // namespace tutti
