// Releases from one worker to another: a queue without shared indices.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <cstdint>
#include <memory>

#include "runtime/exec/memory_order.hpp"

namespace tutti {

/// Ring of numbers from one producing thread to one consuming thread, first in, first out. Each entry
/// carries the number of its lap, so the consumer recognises a new entry by itself: it writes nothing, and
/// neither side reads the other's position. No read-modify-write, no fence on x86.
///
/// The ring cannot be full: the caller guarantees that at most `max_in_flight` entries have been pushed
/// and not yet popped, and that a push that reuses a slot happens after the pop that freed it (in a plan:
/// an edge carries one token at a time). A lap too many is caught by an assertion in the consumer.
///
/// Threading: push by the producer; pop and empty by the consumer (which may be a different thread from
/// time to time if the hand-over is ordered). What was written before push(x) is visible after pop() gave x.
class Ring {
 public:
  explicit Ring(std::uint32_t max_in_flight)
      : shift_(static_cast<std::uint32_t>(
            std::countr_zero(std::bit_ceil(std::max<std::uint64_t>(max_in_flight + 1ULL, slots_per_line))))),
        lines_(std::make_unique<Line[]>((1ULL << shift_) / slots_per_line)) {}

  void push(std::uint32_t value) {
    const std::uint64_t entry = (std::uint64_t{lap(pushed_)} << 32) | value;
    slot(pushed_).store(entry, std::memory_order_release);
    ++pushed_;
  }

  /// False if there is nothing new.
  bool pop(std::uint32_t& value) {
    const std::uint64_t entry = slot(popped_).load(std::memory_order_acquire);
    if (!is_new(entry)) return false;
    value = static_cast<std::uint32_t>(entry);
    ++popped_;
    return true;
  }

  bool empty() const { return !is_new(slot(popped_).load(std::memory_order_acquire)); }
  std::uint64_t capacity() const { return 1ULL << shift_; }

 private:
  static constexpr std::uint64_t slots_per_line = cache_line_size_bytes / sizeof(std::uint64_t);
  struct alignas(cache_line_size_bytes) Line {  // so that two rings never share a line
    std::array<std::atomic<std::uint64_t>, slots_per_line> slots{};
  };

  std::uint32_t lap(std::uint64_t position) const {  // from 1: zero is what the ring is created with
    return static_cast<std::uint32_t>(position >> shift_) + 1;
  }
  bool is_new(std::uint64_t entry) const {
    const auto found = static_cast<std::uint32_t>(entry >> 32);
    if (found == lap(popped_)) return true;
    assert(found + 1 == lap(popped_) && "more entries in flight than the ring was made for");
    return false;
  }
  std::atomic<std::uint64_t>& slot(std::uint64_t position) const {
    const std::uint64_t index = position & ((1ULL << shift_) - 1);
    return lines_[index / slots_per_line].slots[index % slots_per_line];
  }

  std::uint32_t shift_;  ///< log2 of the number of slots
  std::unique_ptr<Line[]> lines_;
  alignas(cache_line_size_bytes) std::uint64_t pushed_ = 0;  ///< producer's position
  alignas(cache_line_size_bytes) std::uint64_t popped_ = 0;  ///< consumer's position
};

}  // namespace tutti
