// Ready nodes of one thread in the order of the program.
#pragma once

#include <bit>
#include <cassert>
#include <cstdint>
#include <memory>

namespace tutti {

/// Nodes with their steps: the earliest step comes out first, and in a step what was recorded first. Nodes
/// become ready nearly in this order, so a node looks for its place from the end, and not far: older nodes
/// may pass it by, they are never lost. Allocates in the constructor only.
class OrderedRing {
 public:
  /// `capacity`: how many nodes are inside at most.
  explicit OrderedRing(std::uint32_t capacity)
      : mask_(std::bit_ceil(capacity > 0 ? capacity : 1U) - 1),
        entries_(std::make_unique<Entry[]>(mask_ + 1ULL)) {}

  struct Entry {
    std::int64_t step = 0;
    std::uint32_t node = 0;
    float takes_s = 0;  ///< the node, where somebody wants to know
    bool before(const Entry& o) const { return step < o.step || (step == o.step && node < o.node); }
  };

  void push(const Entry& entry) {
    assert(size() <= mask_);
    std::uint32_t at = last_++;
    for (std::uint32_t i = 0; i < reach && at != first_ && entry.before(here(at - 1)); ++i, --at)
      here(at) = here(at - 1);
    here(at) = entry;
  }
  /// One that comes before all others.
  void push_front(const Entry& entry) {
    assert(size() <= mask_);
    here(--first_) = entry;
  }
  /// False if it is empty.
  bool pop(Entry& entry) {
    if (first_ == last_) return false;
    entry = here(first_++);
    return true;
  }
  std::uint32_t size() const { return last_ - first_; }
  /// The one that pop() takes next; there is one.
  const Entry& front() const { return entries_[first_ & mask_]; }

 private:
  static constexpr std::uint32_t reach = 16;
  Entry& here(std::uint32_t position) { return entries_[position & mask_]; }

  std::uint32_t mask_;
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
  std::unique_ptr<Entry[]> entries_;
};

}  // namespace tutti
