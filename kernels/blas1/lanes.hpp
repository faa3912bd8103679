// Sums in eight lanes, whatever the instruction set.
#pragma once

#include <cstdint>

#include "kernels/launch.hpp"

namespace tutti::kernels {

/// The sum of term(i), 0 <= i < n: term i goes to lane i mod 8, in order; then the lanes in pairs.
template <class Term>
double in_lanes(std::int64_t n, const Term& term) {
  double lane[8] = {};
  const std::int64_t whole = n / 8 * 8;
  for (std::int64_t i = 0; i < whole; i += 8) {
    TUTTI_INDEPENDENT
    for (std::int64_t l = 0; l < 8; ++l) lane[l] += term(i + l);
  }
  for (std::int64_t i = whole; i < n; ++i) lane[i - whole] += term(i);
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

}  // namespace tutti::kernels
