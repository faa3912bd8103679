// Nodes that were completed by somebody else than their home worker, on their way home.
#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>
#include <limits>
#include <memory>

#include "runtime/exec/memory_order.hpp"

namespace tutti {

/// List of node numbers below `nodes`, filled by any thread and emptied as a whole by one. A node has one
/// link, so it is in the list at most once, and nothing is allocated after the constructor. The order of
/// entries is not kept.
///
/// Threading: push and empty by any thread, without locks; take_all by one thread at a time. What was
/// written before push(x) is visible when take_all hands out x. A node may be pushed again once take_all
/// has handed it out (also from inside the call that gets it).
class CompletionList {
 public:
  explicit CompletionList(std::uint32_t nodes) : next_(std::make_unique<std::uint32_t[]>(nodes)) {
    assert(nodes < none);
  }

  void push(std::uint32_t node) {
    std::uint32_t first = none;  // the usual case, guessed instead of read: one trip for the cache line
    do {
      next_[node] = first;
    } while (
        !first_.compare_exchange_weak(first, node, std::memory_order_release, std::memory_order_relaxed));
  }

  /// Calls handle(node) for everything that was pushed; returns how many there were.
  template <class Handle>
  std::uint32_t take_all(Handle&& handle) {
    if (empty()) return 0;
    std::uint32_t count = 0;
    std::uint32_t node = first_.exchange(none, std::memory_order_acquire);
    for (; node != none; ++count) {
      const std::uint32_t next = next_[node];  // before handle: it may cause the node to be pushed again
      handle(node);
      node = next;
    }
    return count;
  }

  bool empty() const { return first_.load(std::memory_order_acquire) == none; }

 private:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
  std::unique_ptr<std::uint32_t[]> next_;
  alignas(cache_line_size_bytes) std::atomic<std::uint32_t> first_{none};
};

}  // namespace tutti
