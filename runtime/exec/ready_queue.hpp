// The ready nodes of one worker: its owner adds, everybody takes the oldest.
#pragma once

#include <atomic>
#include <bit>
#include <cassert>
#include <cstdint>
#include <memory>

#include "runtime/exec/memory_order.hpp"

namespace tutti {

/// Queue of node numbers, first in, first out, with one producer and many takers. Fixed size: a node of a
/// plan is ready at most once, so the number of nodes bounds what is inside. (A work-stealing deque whose
/// owner takes at the old end too: then neither end ever steps back, and no fence is needed.)
///
/// Threading: push by the owner only; take and empty by any thread. What the owner wrote before push(x) is
/// visible to whoever gets x. Allocates in the constructor only.
class ReadyQueue {
 public:
  /// `capacity`: a power of two, at least the number of entries that are ever inside at once.
  explicit ReadyQueue(std::uint32_t capacity)
      : mask_(capacity - 1), slots_(std::make_unique<std::atomic<std::uint32_t>[]>(capacity)) {
    assert(std::has_single_bit(capacity));
  }

  void push(std::uint32_t node) {
    const std::uint64_t last = last_.load(std::memory_order_relaxed);
    // Acquire: a taker has read its slot before it moved first_, so the slot may be written again.
    [[maybe_unused]] const std::uint64_t first = first_.load(std::memory_order_acquire);
    assert(last - first <= mask_);
    slots_[last & mask_].store(node, std::memory_order_relaxed);
    last_.store(last + 1, std::memory_order_release);
  }

  /// Takes the oldest node. False if there is none, or if somebody else was faster.
  bool take(std::uint32_t& node) {
    std::uint64_t first = first_.load(std::memory_order_acquire);
    if (first >= last_.load(std::memory_order_acquire)) return false;
    const std::uint32_t found =
        slots_[first & mask_].load(std::memory_order_relaxed);  // before it may be reused
    if (!first_.compare_exchange_strong(first, first + 1, std::memory_order_acq_rel,
                                        std::memory_order_relaxed))
      return false;
    node = found;
    return true;
  }

  /// True if there was nothing to take a moment ago.
  bool empty() const {
    return first_.load(std::memory_order_acquire) >= last_.load(std::memory_order_acquire);
  }

 private:
  std::uint64_t mask_;
  std::unique_ptr<std::atomic<std::uint32_t>[]> slots_;
  alignas(cache_line_size_bytes) std::atomic<std::uint64_t> first_{0};  ///< written by takers
  alignas(cache_line_size_bytes) std::atomic<std::uint64_t> last_{0};   ///< written by the owner
};

}  // namespace tutti
