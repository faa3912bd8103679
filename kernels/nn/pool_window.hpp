// The choice of max pooling, for host and device.
#pragma once

#include <cstdint>

#include "kernels/nn/nn.hpp"
#include "runtime/data/view.hpp"

namespace tutti::kernels::nn {

/// The place in x of the first greatest value, in row-major order, of the window whose first value is
/// x[first].
template <class T>
TUTTI_FUNCTION std::int64_t first_greatest(const PoolShape& s, const T* x, std::int64_t first) {
  std::int64_t best = first;
  for (std::int64_t a = 0; a < s.window; ++a)
    for (std::int64_t b = 0; b < s.window; ++b) {
      const std::int64_t at = first + a * s.width + b;
      if (x[at] > x[best]) best = at;
    }
  return best;
}

}  // namespace tutti::kernels::nn
