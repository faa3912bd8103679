// Replay in fixed order: each worker runs its own nodes one after the other, as laid down beforehand.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/exec/replay_order.hpp"
#include "runtime/exec/team.hpp"

namespace tutti {

/// For tasks so short that finding the next one costs as much as running it. The order keeps all edges
/// between nodes of one worker, so that only what comes from other workers and from the network is counted.
/// In each copy of the cycle come first the nodes that wait for nothing from outside, then the others: what
/// comes from outside has time to arrive. On a rank that exchanges no messages those come first, of both,
/// that more work waits for, in microseconds, as measured before the first steps are entered; else they keep
/// the order of the program. All workers, and all ranks, keep to one order, so that no two of them can wait
/// for each other.
///
/// A worker that waits for one node lets its others wait too, and nobody steals: for nodes that take as long
/// as a message, or workers that have unequal work, FreeOrder does better.
class FixedOrder final : public ReplayOrder {
 public:
  explicit FixedOrder(Team& team);

  void enter(std::uint32_t copy, std::int64_t step) override;
  void work(Worker& w, std::uint32_t copy, std::int64_t step) override;
  void settle(Worker& w) override { take_mail(w); }
  void take_token(Worker& /*w*/, std::uint32_t n) override { --team_.nodes[n].counter; }

 private:
  struct Item {
    HotNode* hot;
    std::uint32_t node;
    std::uint32_t tokens;  ///< from outside, each time
  };
  struct Sequence {
    std::vector<Item> items;
    std::vector<std::uint32_t> first;  ///< by copy, and one past the end
  };

  void find_waiting_work();
  void sort();
  inline bool run_step(Worker& w, std::span<const Item> items, std::int64_t step);
  bool wait_for_tokens(Worker& w, HotNode& hot);
  bool wait_for_gate(Worker& w, std::int64_t step);
  bool take_mail(Worker& w);
  bool poll(Worker& w);
  template <class Until, class Look>
  bool wait(Worker& w, Until until, Look look);

  Team& team_;
  std::vector<Sequence> sequences_;  // by worker
  bool sorted_ = false;
  // by node
  std::vector<bool> late_;              // it waits, in its own copy, for something from outside
  std::vector<double> waiting_s_;       // work that waits for it,
  std::vector<double> waiting_next_s_;  // and for its next run; scratch
};

}  // namespace tutti
