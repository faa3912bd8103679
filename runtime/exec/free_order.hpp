// Replay in free order: a node runs as soon as it can, wherever a worker is free.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/exec/replay_order.hpp"
#include "runtime/exec/team.hpp"

namespace tutti {

/// A node's counter is a plain integer owned by its home worker. Whoever finishes a node it owns counts down
/// the successors it owns and tells other workers through single-producer rings. Ready nodes can be stolen;
/// a stolen node's home worker learns of the completion through an intrusive list and then releases the
/// successors. A node that runs right after the one that released it needs no atomic read-modify-write.
///
/// A worker steals when it has no nodes of its own; and before one of its own, if another worker has more to
/// do, and a node that takes much longer: that one would else begin last and keep all waiting.
class FreeOrder final : public ReplayOrder {
 public:
  explicit FreeOrder(Team& team)
      : team_(team),
        gate_(team.gate),
        network_(team.network),
        hot_(team.nodes),
        workers_(team.workers),
        own_successors_(team.parts.own_successors),
        other_successors_(team.parts.other_successors),
        copies_per_cycle_(team.plan.copies_per_cycle()) {}

  void enter(std::uint32_t copy, std::int64_t step) override;
  void work(Worker& w, std::uint32_t copy, std::int64_t step) override;
  void settle(Worker& w) override { drain(w); }
  void take_token(Worker& w, std::uint32_t n) override {
    if (count_down(w, hot_[n], gate_.open())) offer(w, hot_[n]);
  }

 private:
  bool run_some(Worker& w);
  static std::uint32_t take(Worker& w);
  bool finished(Worker& w, std::uint32_t copy, std::int64_t step);
  std::uint32_t run_short(Worker& w, HotNode& hot, std::uint32_t n);
  std::uint32_t run(Worker& w, HotNode& hot, std::uint32_t n, bool is_measured);
  std::uint32_t fail(std::uint32_t n);
  std::uint32_t complete(Worker& w, const HotNode& hot, std::uint32_t n);
  std::uint32_t release(Worker& w, const HotNode& done);
  bool count_down(Worker& w, HotNode& hot, std::int64_t open);
  void offer(Worker& w, const HotNode& hot);
  bool before_long_node(Worker& w, Length length);
  void share(const Worker& w, WorkQueue& queue, std::uint32_t count);
  void share_half(Worker& w);
  bool drain(Worker& w);
  bool pass_gate(Worker& w);
  bool steal(Worker& w);
  bool steal_from(Worker& w, Worker& from, const WorkQueue::Wanted& wanted);
  std::uint32_t or_longer(Worker& w, std::uint32_t n);
  bool poll(Worker& w);
  std::uint32_t number(const HotNode& hot) const { return static_cast<std::uint32_t>(&hot - hot_.data()); }

  Team& team_;
  const StepGate& gate_;
  Network& network_;
  std::span<HotNode> hot_;
  std::span<std::unique_ptr<Worker>> workers_;
  std::span<HotNode* const> own_successors_;
  std::span<const OtherSuccessor> other_successors_;
  std::int64_t copies_per_cycle_;
};

}  // namespace tutti
