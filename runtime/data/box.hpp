// Integer boxes: half-open ranges of cells in three dimensions.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace tutti {

/// Cell coordinates. Dimension 2 is contiguous in memory. A grid of fewer dimensions uses the last ones;
/// the leading extents are then 1.
using Index3 = std::array<std::int64_t, 3>;

/// The cells with lo[d] <= index[d] < hi[d].
struct Box {
  Index3 lo{0, 0, 0};
  Index3 hi{0, 0, 0};

  constexpr std::int64_t extent(int d) const { return hi[d] - lo[d]; }
  constexpr Index3 extents() const { return {extent(0), extent(1), extent(2)}; }
  constexpr bool empty() const { return extent(0) <= 0 || extent(1) <= 0 || extent(2) <= 0; }
  /// Number of cells; 0 for an empty box.
  constexpr std::int64_t size() const { return empty() ? 0 : extent(0) * extent(1) * extent(2); }
  constexpr bool contains(const Box& other) const {
    for (int d = 0; d < 3; ++d)
      if (other.lo[d] < lo[d] || other.hi[d] > hi[d]) return false;
    return true;
  }
  constexpr bool operator==(const Box&) const = default;
};

constexpr Box intersect(const Box& a, const Box& b) {
  Box r;
  for (int d = 0; d < 3; ++d) {
    r.lo[d] = std::max(a.lo[d], b.lo[d]);
    r.hi[d] = std::min(a.hi[d], b.hi[d]);
  }
  return r;
}

constexpr Box shifted(Box b, const Index3& by) {
  for (int d = 0; d < 3; ++d) {
    b.lo[d] += by[d];
    b.hi[d] += by[d];
  }
  return b;
}

/// The box enlarged by by[d] cells on both sides of dimension d.
constexpr Box grown(Box b, const Index3& by) {
  for (int d = 0; d < 3; ++d) {
    b.lo[d] -= by[d];
    b.hi[d] += by[d];
  }
  return b;
}

}  // namespace tutti
