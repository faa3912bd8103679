// Numbers that look random but depend on their arguments alone.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "runtime/data/mix.hpp"

namespace metg {

constexpr std::uint64_t scatter(std::uint64_t x) { return tutti::mix(x + tutti::mix_increment); }

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
