// Releases from one worker to another: a queue without shared indices.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "runtime/exec/memory_order.hpp"

namespace tutti {

/// Ring of numbers from one producing thread to one consuming thread, first in, first out; each number with
/// up to PayloadBytes bytes that travel in the same cache line. Each entry carries the number of its lap, so
/// the consumer recognises a new entry by itself: it writes nothing, and neither side reads the other's
/// position. No read-modify-write, no fence on x86.
///
/// The ring cannot be full: the caller guarantees that at most `max_in_flight` entries have been pushed
/// and not yet popped, and that a push that reuses a slot happens after the pop that freed it and what was
/// done with its payload (in a plan: an edge carries one token at a time). A lap too many is caught by an
/// assertion in the consumer.
///
/// Threading: push by the producer; pop and empty by the consumer (which may be a different thread from
/// time to time if the hand-over is ordered). What was written before push(x) is visible after pop() gave x.
template <std::uint32_t PayloadBytes>
class BasicRing {
 public:
  explicit BasicRing(std::uint32_t max_in_flight)
      : shift_(static_cast<std::uint32_t>(std::countr_zero(
            std::bit_ceil(std::max<std::uint64_t>(max_in_flight + 1ULL, entries_per_line))))),
        lines_(std::make_unique<Line[]>((1ULL << shift_) / entries_per_line)) {}

  void push(std::uint32_t value) requires(PayloadBytes == 0) { publish(entry(pushed_), value); }
  void push(std::uint32_t value, const std::byte* payload, std::uint32_t bytes) requires(PayloadBytes > 0) {
    Entry& e = entry(pushed_);
    copy_small(e.payload.data(), payload, bytes);
    publish(e, value);
  }

  /// False if there is nothing new.
  bool pop(std::uint32_t& value) {
    const Entry& e = entry(popped_);
    const std::uint64_t header = e.header.load(std::memory_order_acquire);
    if (!is_new(header)) return false;
    value = static_cast<std::uint32_t>(header);
    ++popped_;
    return true;
  }
  /// The same; `payload` points to what came with it.
  bool pop(std::uint32_t& value, const std::byte*& payload) requires(PayloadBytes > 0) {
    payload = entry(popped_).payload.data();
    return pop(value);
  }

  bool empty() const { return !is_new(entry(popped_).header.load(std::memory_order_acquire)); }
  std::uint64_t capacity() const { return 1ULL << shift_; }

  /// memcpy, quick for the usual size.
  static void copy_small(std::byte* to, const std::byte* from, std::uint32_t bytes) {
    if (bytes == 16)
      std::memcpy(to, from, 16);
    else
      std::memcpy(to, from, bytes);
  }

 private:
  struct Entry {
    std::atomic<std::uint64_t> header{0};  ///< lap and value
    [[no_unique_address]] std::array<std::byte, PayloadBytes> payload{};
  };
  static constexpr std::uint64_t entries_per_line = cache_line_size_bytes / sizeof(Entry);
  static_assert(cache_line_size_bytes % sizeof(Entry) == 0);
  struct alignas(cache_line_size_bytes) Line {  // so that two rings never share a line
    std::array<Entry, entries_per_line> entries{};
  };

  void publish(Entry& e, std::uint32_t value) {
    e.header.store((std::uint64_t{lap(pushed_)} << 32) | value, std::memory_order_release);
    ++pushed_;
  }
  std::uint32_t lap(std::uint64_t position) const {  // from 1: zero is what the ring is created with
    return static_cast<std::uint32_t>(position >> shift_) + 1;
  }
  bool is_new(std::uint64_t header) const {
    const auto found = static_cast<std::uint32_t>(header >> 32);
    if (found == lap(popped_)) return true;
    assert(found + 1 == lap(popped_) && "more entries in flight than the ring was made for");
    return false;
  }
  Entry& entry(std::uint64_t position) const {
    const std::uint64_t index = position & ((1ULL << shift_) - 1);
    return lines_[index / entries_per_line].entries[index % entries_per_line];
  }

  std::uint32_t shift_;  ///< log2 of the number of entries
  std::unique_ptr<Line[]> lines_;
  alignas(cache_line_size_bytes) std::uint64_t pushed_ = 0;  ///< producer's position
  alignas(cache_line_size_bytes) std::uint64_t popped_ = 0;  ///< consumer's position
};

/// Numbers alone, eight to a cache line.
using Ring = BasicRing<0>;
/// Numbers with up to 24 bytes each, two to a cache line.
using CarryRing = BasicRing<24>;
inline constexpr std::uint32_t carry_bytes = 24;

}  // namespace tutti
