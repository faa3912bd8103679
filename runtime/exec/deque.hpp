// The ready nodes of one worker: its owner works at one end, thieves take from the other.
#pragma once

#include <atomic>
#include <bit>
#include <cassert>
#include <cstdint>
#include <memory>

#include "runtime/exec/memory_order.hpp"

namespace tutti {

/// Work-stealing deque of node numbers (Chase and Lev, SPAA'05; memory orders after Le, Pop, Cohen and
/// Zappa Nardelli, PPoPP'13), without growth: a node of a plan is ready at most once, so the number of
/// nodes bounds what is inside.
///
/// Threading: push and pop by the owner only (last in, first out); steal and empty by any thread (first in,
/// first out). What the owner wrote before push(x) is visible to whoever gets x. Allocates in the
/// constructor only.
class Deque {
 public:
  /// `capacity`: a power of two, at least the number of entries that are ever inside at once.
  explicit Deque(std::uint32_t capacity)
      : mask_(capacity - 1), slots_(std::make_unique<std::atomic<std::uint32_t>[]>(capacity)) {
    assert(std::has_single_bit(capacity));
  }

  /// Owner: adds a node at the near end.
  void push(std::uint32_t node) {
    const std::int64_t bottom = bottom_.load(std::memory_order_relaxed);
    // Acquire: a thief has read its slot before it moved top_, so the slot may be written again.
    [[maybe_unused]] const std::int64_t top = top_.load(std::memory_order_acquire);
    assert(bottom - top <= mask_);
    slot(bottom).store(node, std::memory_order_relaxed);
    bottom_.store(bottom + 1, fenced(std::memory_order_release));
  }

  /// Owner: takes the node pushed last. False if there is none.
  bool pop(std::uint32_t& node) {
    const std::int64_t bottom = bottom_.load(std::memory_order_relaxed) - 1;
    // top_ only grows: what looks empty here is empty, and needs no fence.
    if (top_.load(std::memory_order_relaxed) > bottom) return false;
    // Release although the entry is not new: a thief may learn of the older ones through this store.
    bottom_.store(bottom, fenced(std::memory_order_release));
    full_fence();
    std::int64_t top = top_.load(fenced(std::memory_order_relaxed));
    if (top < bottom) {
      node = slot(bottom).load(std::memory_order_relaxed);
      return true;
    }
    const bool won = top == bottom && take(top);  // the last entry: thieves want it too
    if (won) node = slot(bottom).load(std::memory_order_relaxed);
    bottom_.store(bottom + 1, fenced(std::memory_order_release));
    return won;
  }

  /// Any thread: takes the node pushed first. False if there is none, or if somebody else was faster.
  bool steal(std::uint32_t& node) {
    if (empty()) return false;
    std::int64_t top = top_.load(fenced(std::memory_order_acquire));
    full_fence();
    const std::int64_t bottom = bottom_.load(fenced(std::memory_order_acquire));
    if (top >= bottom) return false;
    const std::uint32_t found = slot(top).load(std::memory_order_relaxed);  // before somebody may reuse it
    if (!take(top)) return false;
    node = found;
    return true;
  }

  /// Any thread: true if there was nothing to take a moment ago. A hint, exact for the owner at rest.
  bool empty() const {
    return top_.load(std::memory_order_acquire) >= bottom_.load(std::memory_order_acquire);
  }

 private:
  bool take(std::int64_t& top) {
    return top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst, std::memory_order_relaxed);
  }
  std::atomic<std::uint32_t>& slot(std::int64_t index) const { return slots_[index & mask_]; }

  std::int64_t mask_;
  std::unique_ptr<std::atomic<std::uint32_t>[]> slots_;
  // Signed: pop() on an empty deque goes one below. Thieves write top_, the owner writes bottom_.
  alignas(cache_line_size_bytes) std::atomic<std::int64_t> top_{0};
  alignas(cache_line_size_bytes) std::atomic<std::int64_t> bottom_{0};
};

}  // namespace tutti
