// Numbers that look random but depend on their arguments alone.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace metg {

/// The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): a bijection that scatters all bits.
constexpr std::uint64_t scatter(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

constexpr std::uint64_t hash(std::initializer_list<std::uint64_t> words) {
  std::uint64_t h = 0;
  for (const std::uint64_t w : words) h = scatter(h ^ scatter(w));
  return h;
}

/// In [0, 1).
constexpr double uniform(std::initializer_list<std::uint64_t> words) {
  return static_cast<double>(hash(words) >> 11) * 0x1p-53;
}

}  // namespace metg
