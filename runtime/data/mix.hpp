// Mixing of 64 bits, for checksums and for random numbers that any rank or device can compute by their index.
#pragma once

#include <cstdint>

#include "runtime/data/view.hpp"

namespace tutti {

/// Every bit of the result depends on all bits of x; a bijection with mix(0) = 0: the finaliser of SplitMix64
/// (Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014).
TUTTI_FUNCTION constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// What SplitMix64 adds between two numbers: the odd number next to 2^64 / golden ratio.
inline constexpr std::uint64_t mix_increment = 0x9e3779b97f4a7c15ULL;

}  // namespace tutti
