// The moving parts of the tasks schedule: what replay touches of a node, and what a worker owns.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/exec/completion_list.hpp"
#include "runtime/exec/home_role.hpp"
#include "runtime/exec/ring.hpp"
#include "runtime/exec/work_queue.hpp"
#include "runtime/insight/meter.hpp"

namespace tutti {

/// No node, or no worker.
inline constexpr std::uint32_t none = ~0U;

/// The part of a node that replay touches, in a cache line of its own: neighbours in the plan may belong to
/// other workers. Written by the home worker; between becoming ready and completion, all but the counter by
/// whoever runs the node.
struct alignas(cache_line_size_bytes) HotNode {
  std::uint32_t counter = 0;
  std::uint32_t in_degree = 0;
  std::int64_t next_step = 0;
  std::uint32_t first_own = 0;  ///< successors with the same home
  std::uint32_t last_own = 0;
  std::uint32_t first_other = 0;  ///< and with others
  std::uint32_t last_other = 0;
  std::uint32_t home = 0;
  NodeKind kind = NodeKind::run;
  bool urgent = false;              ///< other ranks wait for it
  Length length = Length::a_while;  ///< as last measured
  PlanNode* node = nullptr;
  // of a kernel without a value, which can be called from here; else null
  Body body = nullptr;
  const Argument* arguments = nullptr;
};
static_assert(sizeof(HotNode) == cache_line_size_bytes);

/// A successor of another worker, so that releasing does not read its node.
struct OtherSuccessor {
  std::uint32_t node;
  std::uint32_t home;
  std::uint32_t carry = none;  ///< what travels with the release, if anything
};

/// The contents of a small tile on their way with a release, into a copy that the reading worker has for
/// itself.
struct Carry {
  std::uint32_t node = 0;  ///< the reader
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  std::uint32_t bytes = 0;
};

struct alignas(128) Worker {
  Worker(std::uint32_t id, const Plan& plan, const Meter& meter);
  /// Before all workers start.
  void begin_run() {
    retired.store(0, std::memory_order_relaxed);
    limit_seen = -1;
    done.store(false, std::memory_order_relaxed);
    wanted.store(false, std::memory_order_relaxed);
  }

  std::uint32_t id;
  Meter meter;
  // Oldest first, so what neighbours wait for is not left behind by a worker that runs ahead elsewhere.
  // (Newest first: 1.1 x the time when delays move from rank to rank.)
  WorkQueue urgent;
  WorkQueue ready;
  std::vector<std::unique_ptr<Ring>> incoming;       ///< by sending worker; null where no edge comes from it
  std::vector<std::unique_ptr<CarryRing>> carrying;  ///< the same, for releases that carry something
  std::vector<Ring*> mail;                           ///< those that are there
  std::vector<CarryRing*> parcels;
  std::vector<std::uint32_t> held;  ///< ready, but beyond the gate
  std::uint32_t next = none;        ///< to run before anything in `ready`
  unsigned idle = 0;                ///< times in a row that it found nothing to do
  std::int64_t gate_seen = 0;
  bool stood_in_for = false;                 ///< a stand-in is at it: what it readies is shared at once
  std::vector<std::uint32_t> owned;          ///< by copy: nodes of this and earlier copies whose home this is
  std::int64_t limit_seen = -1;              ///< the limit that `to_retire` was counted for
  std::uint64_t to_retire = 0;               ///< of its nodes in this run
  std::atomic<std::uint64_t> retired{0};     ///< so far; written by the holder of `role`
  std::atomic<std::uint32_t> current{none};  ///< for explain()
  std::vector<std::uint32_t> messages_done;  ///< scratch
  std::int64_t sends_in_flight = 0;  ///< started by it less reported to it; counts if summed over all workers
  bool polls = false;                ///< holds the poller's role
  bool saw_long_node = false;        ///< not in free order: one that is not brief any more

  // What others write or look at, apart from what the worker writes all the time.
  CompletionList list;  ///< nodes run elsewhere, and nodes + m: message m is done
  alignas(cache_line_size_bytes) HomeRole role;
  std::atomic<bool> wanted{false};  ///< somebody has had nothing to do for a while
  std::atomic<bool> done{false};    ///< all its nodes of this run are retired
};

/// Nodes, edges and workers of one plan, ready for Worker::enter.
struct MovingParts {
  MovingParts(Plan& plan, Profile& profile, Trace* trace, std::uint32_t graph);

  /// Nodes of `worker` in `steps` steps that begin with copy `first_copy`.
  std::uint64_t owned(const Worker& worker, std::uint32_t first_copy, std::int64_t steps) const;
  /// What every worker does, or else what all of them wait for, in one line. Any thread: it reads counters
  /// that others write, good enough for an explanation.
  std::string explain(const Plan& plan) const;

  std::vector<HotNode> nodes;
  std::vector<HotNode*> own_successors;
  std::vector<OtherSuccessor> other_successors;
  std::vector<Carry> carries;
  std::vector<std::unique_ptr<Worker>> workers;

 private:
  std::string awaited(const Plan& plan) const;
  void make_successors(const Plan& plan);
  void make_carries(const Plan& plan);
  void make_rings();

  std::vector<std::byte> carried_;  ///< the copies, those of each worker in cache lines of their own
};

}  // namespace tutti
