// Memory bandwidth of this machine as a program's own threads see it: the bound of every kernel that streams
// its fields from memory.
#pragma once

#include <cstdint>
#include <functional>

#include "runtime/data/view.hpp"

namespace tutti {

/// Bytes per second, counted as the program sees them: what it reads plus what it writes.
struct Bandwidth {
  double copy_bytes_per_s = 0;   ///< b = a, 16 bytes per element, stores that bypass the caches
  double triad_bytes_per_s = 0;  ///< c = a + s b, 24 bytes per element, such stores
  double read_bytes_per_s = 0;   ///< sum of a, 8 bytes per element
};

struct BandwidthOptions {
  int threads = 1;  ///< OpenMP threads; each touches its own part first and keeps it
  /// Size of each array. When several ranks of a node measure together, this is the node's: each of
  /// `ranks_on_node` takes its part, and the node's bandwidth is the sum.
  std::uint64_t array_bytes = 128ULL << 20;
  std::uint32_t ranks_on_node = 1;
  /// Called before each pass: a barrier of ranks that measure together. A rank that lags behind would else
  /// have some passes for itself, with more than its share of the memory.
  std::function<void()> before_pass{};
  int passes = 9;  ///< timed passes of each kind after one that is not; the median counts
};

/// Copy alone: two arrays, about a tenth of a second. Throws Error(environment) when memory cannot be had,
/// Error(usage) for options that make no sense. Call it outside parallel regions.
double copy_bandwidth(const BandwidthOptions& options);
/// The same on fields that are there: copies the cells of `from` to `to`, plane by plane. Bytes per second of
/// this rank. The boxes have equal extents and at least one cell; rows are long.
double copy_bandwidth(const View<const double>& from, const View<double>& to, int threads, int passes = 3);
/// All three: three arrays, about a quarter of a second.
Bandwidth memory_bandwidth(const BandwidthOptions& options);

}  // namespace tutti
