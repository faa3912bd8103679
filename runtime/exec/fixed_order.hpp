// Replay in fixed order: each worker runs its own nodes one after the other, as laid down beforehand.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/exec/team.hpp"

namespace tutti {

/// For tasks so short that finding the next one costs as much as running it. The order keeps all edges
/// between nodes of one worker, so that only what comes from other workers and from the network is counted.
/// In each copy of the cycle come first the nodes that wait for nothing from outside, then the others; in the
/// order of the program both: what comes from outside has time to arrive, and no two workers or ranks can
/// wait for each other.
///
/// A worker that waits for one node lets its others wait too, and nobody steals: for nodes that take as long
/// as a message, or workers that have unequal work, FreeOrder does better.
class FixedOrder {
 public:
  explicit FixedOrder(Team& team);

  /// The next step to run is copy `copy` of the cycle. Needed once, and whenever the last
  /// steps were not replayed by this object.
  void enter(std::uint32_t copy);
  /// What worker `w` does in the steps from `step`, which is copy `copy`, to the gate's goal.
  void work(Worker& w, std::uint32_t copy, std::int64_t step);
  /// After all workers have done so: takes in what is meant for the next steps.
  void settle(Worker& w) { take_mail(w); }
  /// A node got a token from outside.
  void take_token(std::uint32_t n) { --team_.nodes[n].counter; }

 private:
  /// All that it takes to run a node, in the order in which they run.
  struct alignas(cache_line_size_bytes) Item {
    Body body = nullptr;  ///< of a kernel without a value, else null
    const void* functor = nullptr;
    Task* task = nullptr;
    const Argument* arguments = nullptr;
    HotNode* hot = nullptr;
    std::uint32_t node = 0;
    std::uint32_t tokens = 0;       ///< from outside, each time
    std::uint32_t first_other = 0;  ///< successors of other workers
    std::uint32_t last_other = 0;
    Length length = Length::brief;  ///< as last measured
  };
  static_assert(sizeof(Item) == cache_line_size_bytes);
  struct Sequence {
    std::vector<Item> items;
    std::vector<std::uint32_t> first;  ///< by copy, and one past the end
  };

  Item item(std::uint32_t n, std::uint32_t tokens) const;
  bool run_step(Worker& w, std::span<Item> items, std::int64_t step);
  void run(Worker& w, Item& item, bool is_measured);
  bool wait_for_tokens(Worker& w, const HotNode& hot);
  bool wait_for_gate(Worker& w, std::int64_t step);
  bool take_mail(Worker& w);
  bool poll(Worker& w);
  template <class Until>
  bool wait(Worker& w, Until until);

  Team& team_;
  std::vector<Sequence> sequences_;  // by worker
};

}  // namespace tutti
