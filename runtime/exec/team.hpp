// The workers of one rank: what all orders of replay work with.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "runtime/exec/executor.hpp"
#include "runtime/exec/network.hpp"
#include "runtime/exec/parking.hpp"
#include "runtime/exec/waiting.hpp"
#include "runtime/exec/worker.hpp"

namespace tutti {

/// Nodes, tokens between workers, messages, and what happens when a kernel throws.
///
/// Threading: a Worker passed in is the caller's own, or one that it stands in for.
class Team {
 public:
  explicit Team(const ExecutorContext& c)
      : plan(c.plan),
        gate(c.gate),
        network(c.plan, c.messages),
        oversubscribed(c.oversubscribed),
        steals(c.steal && c.plan.workers > 1),
        parking(c.plan.workers),
        parts(c.plan, c.profile, c.trace, c.graph),
        nodes(parts.nodes),
        workers(parts.workers),
        took_s(nodes.size(), 0),
        overloaded(workers.size(), false),
        waiting(network, parking, gate, workers, steals, oversubscribed) {}

  /// Tells the home of a successor, and brings what travels with the release.
  void release(Worker& w, const OtherSuccessor& s);

  /// There is mail for this worker.
  void tell(std::uint32_t worker) {
    parking.wake(WorkerId{worker});
    if (workers[worker]->role.is_away()) parking.wake_one_idle(WorkerId{worker});
  }

  /// Calls take(node) for each token that others left for this worker, and complete(node) for each of its
  /// nodes that they ran. True if there was anything.
  template <class Take, class Complete>
  bool take_mail(Worker& w, Take take, Complete complete) {
    bool found = false;
    for (Ring* ring : w.mail) {
      std::uint32_t n = 0;
      while (ring->pop(n)) {
        take(n);
        found = true;
      }
    }
    for (CarryRing* ring : w.parcels) {
      std::uint32_t n = 0;
      const std::byte* payload = nullptr;
      while (ring->pop(n, payload)) {
        const Carry& c = parts.carries[n];
        CarryRing::copy_small(c.to, payload, c.bytes);
        take(c.node);
        found = true;
      }
    }
    const auto node_count = static_cast<std::uint32_t>(nodes.size());
    return w.list.take_all([&](std::uint32_t n) {
      if (n >= node_count) return take(plan.messages[n - node_count].node);
      complete(n);
    }) > 0 ||
           found;
  }

  /// Message m is done: its node's home learns of it, or take(node) is called if that is the caller.
  template <class Take>
  void deliver(Worker& w, std::uint32_t m, Take take) {
    const std::uint32_t node = plan.messages[m].node;
    const std::uint32_t home = nodes[node].home;
    if (home == w.id) return take(node);
    workers[home]->list.push(static_cast<std::uint32_t>(nodes.size()) + m);
    tell(home);
  }

  /// Looks at the network, having nothing else to do. True if anything was done.
  template <class Take>
  bool poll(Worker& w, Take take) {
    return network.poll(w, [&](std::uint32_t m) { deliver(w, m, take); });
  }

  /// Runs a node that nobody else may touch meanwhile, and measures it if it is its turn. Throws what its
  /// kernel throws. True if it was a send, and its message is on its way.
  bool run(Worker& w, HotNode& hot, std::uint32_t n, std::int64_t step) {
    hot.node->task.step = step;
    hot.node->task.worker = WorkerId{w.id};
    w.current.store(n, std::memory_order_relaxed);
    if (w.meter.measures(hot.length)) return run_measured(w, hot, n);
    return run(w, hot);
  }
  /// The same without a measurement; what the node needs to know of this time is in its task.
  bool run(Worker& w, HotNode& hot) {
    PlanNode& node = *hot.node;
    if (hot.body != nullptr) {
      hot.body(node.functor, node.task, hot.arguments, nullptr);
      return false;
    }
    if (hot.kind == NodeKind::send) return network.send(w, node.payload);
    if (hot.kind == NodeKind::receive)
      network.receive(node.payload);
    else
      run_other(w, node);
    return false;
  }

  /// Counters, by node, for a start at `copy`: tokens that are not there yet. Mail is thrown away: it belongs
  /// to the place that is being left.
  const std::vector<std::uint32_t>& fresh_counters(std::uint32_t copy, Edges edges);

  /// What was sent must reach those who still wait for it, whatever this thread does next.
  template <class Take>
  void finish_sends(Take take) {
    Worker& w = *workers[0];
    const auto in_flight = [&] {
      std::int64_t sum = 0;
      for (const auto& other : workers) sum += other->sends_in_flight;
      return sum;
    };
    while (in_flight() > 0) {
      w.meter.idle();
      if (!poll(w, take) && oversubscribed) sched_yield();
    }
    w.meter.busy();
  }

  /// From a handler: node n threw, or something between nodes (`none`). All workers end.
  void fail(std::uint32_t n);
  bool failed() const { return failed_.load(std::memory_order_relaxed); }
  /// Throws what the first node to fail threw, if any did.
  void rethrow() const;

  Plan& plan;
  StepGate& gate;
  Network network;
  bool oversubscribed;
  bool steals;
  Parking parking;
  MovingParts parts;
  std::span<HotNode> nodes;
  std::span<std::unique_ptr<Worker>> workers;
  // As lately measured; they change between segments:
  std::vector<float> took_s;              ///< by node; 0: never measured
  std::vector<unsigned char> overloaded;  ///< by worker: it has more to do than others
  bool uneven = false;                    ///< somebody is overloaded, and others may take its nodes
  Waiting waiting;
  bool single = false;  ///< one worker runs all nodes: nobody waits for the gate. Used by that worker

 private:
  bool run_measured(Worker& w, HotNode& hot, std::uint32_t n);
  void run_other(const Worker& w, PlanNode& node);

  std::vector<std::uint32_t> counters_;
  std::atomic<bool> failed_{false};
  std::mutex failure_;
  std::exception_ptr thrown_;
  std::uint32_t failed_node_ = 0;
  std::int64_t failed_step_ = 0;
};

}  // namespace tutti
