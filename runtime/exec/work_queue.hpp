// The ready nodes of one worker: its own, and those that others may take.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>

#include "runtime/exec/memory_order.hpp"
#include "runtime/exec/ordered_ring.hpp"

namespace tutti {

/// Oldest first, in the order of the program: neighbours in memory run one after the other, and steps stay
/// together. A pushed node is private until share() puts it where others can take it: short tasks never touch
/// a cache line that another worker looks at, and long ones do not mind a lock.
///
/// Threading: steal and shows_work by any thread; everything else by the owner. What the owner wrote before
/// share() is visible to whoever gets the node.
class WorkQueue {
 public:
  /// What a thief wants: a node that takes longer than that, and is not of a later step.
  struct Wanted {
    float longer_than_s = nothing;
    std::int64_t step = std::numeric_limits<std::int64_t>::max();
  };

  /// `nodes`: how many can be inside at most; a node is inside at most once.
  explicit WorkQueue(std::uint32_t nodes) : own_(nodes), shared_(nodes) {}

  /// A node that is ready to run at `step`, and takes so long as far as that is known.
  void push(std::uint32_t node, std::int64_t step, float takes_s = 0) { own_.push({step, node, takes_s}); }

  /// What was shared and not taken is older than what was not shared.
  bool take(std::uint32_t& node) {
    OrderedRing::Entry entry;
    if (may_have_shared_) {
      const std::lock_guard lock(mutex_);
      may_have_shared_ = pop_shared(entry);
    }
    if (!may_have_shared_ && !own_.pop(entry)) return false;
    node = entry.node;
    return true;
  }

  /// A node that take() gave comes back before all others, and is shared.
  void put_back(std::uint32_t node, std::int64_t step, float takes_s) {
    const std::lock_guard lock(mutex_);
    shared_.push_front({step, node, takes_s});
    show_first();
    may_have_shared_ = true;
  }

  /// Nodes that are not shared.
  std::uint32_t private_count() const { return own_.size(); }
  /// Shares the oldest `count` of them.
  void share(std::uint32_t count) {
    const std::lock_guard lock(mutex_);
    OrderedRing::Entry entry;
    for (; count > 0 && own_.pop(entry); --count) shared_.push(entry);
    show_first();
    may_have_shared_ = true;
  }

  /// The first shared node, if it is wanted. False if there is none, or if somebody else is at it.
  bool steal(std::uint32_t& node, const Wanted& wanted) {
    if (shown_s_.load(std::memory_order_relaxed) <= wanted.longer_than_s) return false;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock() || shared_.size() == 0) return false;
    OrderedRing::Entry entry = shared_.front();
    if (entry.takes_s <= wanted.longer_than_s || entry.step > wanted.step) return false;
    pop_shared(entry);
    node = entry.node;
    return true;
  }
  bool steal(std::uint32_t& node) { return steal(node, {}); }
  /// True if there was something to steal a moment ago.
  bool shows_work() const { return shown_s_.load(std::memory_order_relaxed) > nothing; }

 private:
  static constexpr float nothing = -1;  // less than a node takes

  bool pop_shared(OrderedRing::Entry& entry) {
    const bool found = shared_.pop(entry);
    show_first();
    return found;
  }
  void show_first() {
    shown_s_.store(shared_.size() > 0 ? shared_.front().takes_s : nothing, std::memory_order_relaxed);
  }

  OrderedRing own_;
  bool may_have_shared_ = false;
  alignas(cache_line_size_bytes) std::mutex mutex_;
  OrderedRing shared_;
  std::atomic<float> shown_s_{nothing};  ///< what the first shared node takes
};

}  // namespace tutti
