// How one worker measures itself during a replay.
#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/graph/plan.hpp"
#include "runtime/insight/clock.hpp"
#include "runtime/insight/profile.hpp"
#include "runtime/insight/trace.hpp"

namespace tutti {

/// How long a node took when it was last measured.
enum class Length : std::uint8_t {
  brief,    ///< below 2 us
  a_while,  ///< timing it, and looking at mail and network after it, costs next to nothing
  lasting,  ///< 10 us and more: others need not wait for its worker meanwhile
};

/// Adds to its worker's part of a Profile, and to its ring of a Trace if there is one.
///
/// A node that is not brief is timed each time it runs: two readings of the clock, 1 % at most. Of the brief
/// ones one in 31 is, and stands for all 31: an odd number, so that it is not always the same node's turn.
/// With a trace every node is timed.
///
/// Threading: used by its worker alone.
class alignas(64) Meter {
 public:
  /// `trace` may be null; `graph` is the number that the trace gave to the graph.
  Meter(Profile& profile, std::uint32_t worker, Trace* trace, std::uint32_t graph)
      : time_(&profile.workers[worker]),
        nodes_(profile.nodes.data()),
        ring_(trace ? &trace->ring(worker) : nullptr),
        graph_(graph),
        own_ticks_(reading_ticks()),
        brief_ticks_(static_cast<std::uint64_t>(2e-6 / seconds_per_tick())),
        sampling_(trace ? 1 : 31),
        until_sample_(sampling_) {}

  /// Around all that the worker does in a run.
  void start_run() {
    run_begin_ = ticks();
    useful_before_ = time_->useful;
    cpu_begin_s_ = thread_cpu_s();
    slept_ = 0;
  }
  void end_run() {
    busy();
    const auto on_cpu = static_cast<std::uint64_t>((thread_cpu_s() - cpu_begin_s_) / seconds_per_tick());
    const std::uint64_t elapsed = ticks() - run_begin_;
    time_->preempted += elapsed - std::min(elapsed, on_cpu + slept_);
    // samples may stand for more than there was
    time_->useful = std::min(time_->useful, useful_before_ + elapsed);
  }

  bool tracing() const { return ring_ != nullptr; }

  /// Whether a node of this length, about to run, is measured this time.
  bool measures(Length length) { return length != Length::brief || --until_sample_ == 0; }
  /// If so, right before it runs. Returns what end() wants back.
  std::uint64_t begin(Length length) {
    weight_ = length == Length::brief ? until_sample_ = sampling_ : 1;
    return ticks();
  }
  /// Right after.
  Length end(std::uint64_t begin, std::uint32_t node, NodeKind kind, std::int64_t step) {
    const std::uint64_t now = ticks();
    const std::uint64_t took = now - begin - std::min(now - begin, own_ticks_);
    nodes_[node].ticks += took;
    ++nodes_[node].samples;
    // what makes a brief node long, an interrupt say, did not happen to those that it stands for
    const std::uint64_t sum = took + (weight_ - 1) * std::min(took, brief_ticks_);
    (is_communication(kind) ? time_->communication : time_->useful) += sum;
    if (ring_) ring_->push({begin, now, step, node, graph_, TraceEvent::Kind::node});
    return took < brief_ticks_ ? Length::brief : took < 5 * brief_ticks_ ? Length::a_while : Length::lasting;
  }

  /// Around a look at the network between two nodes; begin_poll() returns 0 if this time is not measured.
  std::uint64_t begin_poll() {
    if (--until_poll_ != 0) return 0;
    until_poll_ = sampling_;
    return ticks();
  }
  void end_poll(std::uint64_t begin) {
    const std::uint64_t took = ticks() - begin;
    time_->communication += took + (sampling_ - 1) * std::min(took, brief_ticks_);
  }
  /// A look at the network that found something. For the trace.
  void found_messages(std::uint64_t begin) {
    if (ring_) ring_->push({begin, ticks(), 0, 0, graph_, TraceEvent::Kind::poll});
  }

  /// There was nothing to do a moment ago; called again and again while that lasts.
  void idle() {
    idle_seen_ = ticks();
    if (idle_since_ == 0) idle_since_ = idle_seen_;
  }
  /// The same, after giving the processor away since the last idle().
  void idle_asleep() {
    const std::uint64_t before = idle_seen_;
    idle();
    slept_ += idle_seen_ - before;
  }
  /// There is something again. No reading of the clock: the last idle() was a moment ago.
  void busy() {
    if (idle_since_ == 0) return;
    time_->idle += idle_seen_ - idle_since_;
    if (ring_) ring_->push({idle_since_, idle_seen_, 0, 0, graph_, TraceEvent::Kind::idle});
    idle_since_ = 0;
  }

  static bool is_communication(NodeKind kind) {
    return kind == NodeKind::send || kind == NodeKind::receive || kind == NodeKind::copy;
  }

 private:
  WorkerTime* time_;
  NodeTime* nodes_;
  TraceRing* ring_;
  std::uint32_t graph_;
  std::uint64_t own_ticks_;  // what a measurement adds to what it measures
  std::uint64_t brief_ticks_;
  std::uint32_t sampling_;  // one of so many brief nodes is timed
  std::uint32_t until_sample_;
  std::uint64_t useful_before_ = 0;  // the run
  std::uint32_t until_poll_ = 1;
  std::uint32_t weight_ = 1;
  std::uint64_t idle_since_ = 0;
  std::uint64_t idle_seen_ = 0;
  std::uint64_t run_begin_ = 0;
  double cpu_begin_s_ = 0;
  std::uint64_t slept_ = 0;
};

}  // namespace tutti
