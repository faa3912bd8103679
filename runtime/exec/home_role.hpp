// Who does a worker's duties as the home of its nodes while it is inside a long task.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "runtime/exec/memory_order.hpp"

namespace tutti {

/// The right to touch what belongs to a home worker: counters and queues of its nodes, its ends of the rings.
/// The worker has it, unless it went away; then a stand-in may take it for a moment and gives it back. What
/// one holder wrote is visible to the next.
///
/// Threading: leave and come_back by the worker; stand_in and give_back by others; is_away by anybody.
class HomeRole {
 public:
  void leave() { state_.store(away, std::memory_order_release); }
  /// Waits while a stand-in is at it, who may have lost its processor.
  void come_back() {
    std::uint32_t expected = away;
    unsigned looks = 0;
    while (!state_.compare_exchange_weak(expected, present, std::memory_order_acquire,
                                         std::memory_order_relaxed)) {
      expected = away;
      if (++looks % 1024 == 0)
        std::this_thread::yield();
      else
        cpu_relax();
    }
  }

  /// True if the worker is away and nobody stands in for it: now the caller does, until give_back().
  bool stand_in() {
    std::uint32_t expected = away;
    return is_away() && state_.compare_exchange_strong(expected, taken, std::memory_order_acquire,
                                                       std::memory_order_relaxed);
  }
  void give_back() { state_.store(away, std::memory_order_release); }
  bool is_away() const { return state_.load(std::memory_order_relaxed) == away; }

 private:
  enum : std::uint32_t { present, away, taken };
  std::atomic<std::uint32_t> state_{present};
};

}  // namespace tutti
