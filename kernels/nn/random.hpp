// Random numbers that any rank can compute by their index: no state, so nothing depends on who asks first.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "runtime/data/mix.hpp"

namespace random_numbers {

constexpr std::uint64_t mixed(std::uint64_t x) { return tutti::mix(x + tutti::mix_increment); }
/// Number `index` of the sequence `seed`.
constexpr std::uint64_t bits(std::uint64_t seed, std::uint64_t index) {
  return mixed(mixed(seed) ^ mixed(~index));
}
/// In (0, 1).
inline double uniform(std::uint64_t seed, std::uint64_t index) {
  return (static_cast<double>(bits(seed, index) >> 11) + 0.5) * 0x1p-53;
}
/// Standard normal (Box and Muller).
inline double normal(std::uint64_t seed, std::uint64_t index) {
  const double radius = std::sqrt(-2 * std::log(uniform(seed, 2 * index)));
  return radius * std::cos(2 * std::numbers::pi * uniform(seed, 2 * index + 1));
}

/// A permutation of 0 .. n-1 that depends on `seed`: a Feistel network on the smallest even number of bits
/// that holds n, applied again until the value is below n (Black and Rogaway, CT-RSA 2002).
inline std::uint64_t permuted(std::uint64_t seed, std::uint64_t i, std::uint64_t n) {
  unsigned half = 1;
  while ((std::uint64_t{1} << (2 * half)) < n) ++half;
  const std::uint64_t mask = (std::uint64_t{1} << half) - 1;
  do {
    std::uint64_t left = i >> half, right = i & mask;
    for (std::uint64_t round = 0; round < 4; ++round) {
      const std::uint64_t next = left ^ (bits(seed + round, right) & mask);
      left = right;
      right = next;
    }
    i = left << half | right;
  } while (i >= n);
  return i;
}

}  // namespace random_numbers
