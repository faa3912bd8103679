// The roofline of this machine: what the workers of all ranks can do together at most (Williams, Waterman,
// Patterson, Roofline: an insightful visual performance model, CACM 52, 2009).
#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/comm/transport.hpp"

namespace tutti {

struct Roofline {
  double flops_per_s = 0;  ///< multiply-adds on doubles in registers, two operations each
  double bytes_per_s = 0;  ///< copying between arrays in memory, read and written

  /// At most so many floating-point operations per second for an operation of this intensity (flop/byte).
  double attainable(double intensity) const { return std::min(flops_per_s, intensity * bytes_per_s); }
};

/// Multiply-adds on vectors of doubles in registers by so many OpenMP threads of this process; about 20 ms.
double peak_flops_per_s(int threads);

/// Bytes per second that all ranks together copy between arrays much larger than the caches. Collective.
double all_copy_bytes_per_s(Transport& transport, std::uint32_t workers);

/// Both roofs, all ranks together. `known_bytes_per_s` is the bandwidth if it was measured already, else 0.
/// Collective.
Roofline measure_roofline(Transport& transport, std::uint32_t workers, double known_bytes_per_s);

}  // namespace tutti
