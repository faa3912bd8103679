// The ready nodes of one worker: its own, and those that others may take.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>

#include "runtime/exec/ready_queue.hpp"

namespace tutti {

/// Oldest first. A pushed node is private until share() puts it where others can take it: short tasks never
/// touch a cache line that another worker looks at, and long ones do not mind.
///
/// Threading: steal and shows_work by any thread; everything else by the owner.
class WorkQueue {
 public:
  /// `nodes`: how many can be inside at most; a node is inside at most once.
  explicit WorkQueue(std::uint32_t nodes)
      : mask_(std::bit_ceil(nodes > 0 ? nodes : 1U) - 1),
        own_(std::make_unique<std::uint32_t[]>(mask_ + 1ULL)),
        shared_(mask_ + 1) {}

  void push(std::uint32_t node) { own_[last_++ & mask_] = node; }

  /// What was shared and not taken is older than what was not shared.
  bool take(std::uint32_t& node) {
    while (may_have_shared_) {
      if (shared_.take(node)) return true;
      may_have_shared_ = !shared_.empty();
    }
    if (first_ == last_) return false;
    node = own_[first_++ & mask_];
    return true;
  }

  /// Nodes that are not shared.
  std::uint32_t private_count() const { return last_ - first_; }
  /// Shares the oldest `count` of them.
  void share(std::uint32_t count) {
    for (; count > 0; --count) shared_.push(own_[first_++ & mask_]);
    may_have_shared_ = true;
  }

  bool steal(std::uint32_t& node) { return !shared_.empty() && shared_.take(node); }
  bool shows_work() const { return !shared_.empty(); }

 private:
  std::uint32_t mask_;
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
  bool may_have_shared_ = false;
  std::unique_ptr<std::uint32_t[]> own_;
  ReadyQueue shared_;
};

}  // namespace tutti
