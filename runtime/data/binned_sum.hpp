// A sum of doubles whose bits do not depend on the order or the grouping of its terms.
//
// Ahrens, Demmel and Nguyen, "Algorithms for Efficient Reproducible Floating Point Summation", ACM TOMS 46
// (2020); as in ReproBLAS, with bins of W = 40 bits and K = 3 of them kept. Each bin i is a large constant
// bin(i); adding x to it rounds x to a multiple of the bin's unit, exactly the same for every order; what is
// left of x goes to the next bin. Only the K bins that start at the largest |x| matter.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "runtime/data/view.hpp"

#ifdef __FAST_MATH__
#error "BinnedSum needs IEEE arithmetic: compile without -ffast-math"
#endif

namespace tutti {

/// Accumulator. Trivially copyable, so it can be sent as it is. The error of n terms is at most
/// n 2^-80 max|x| + 7 eps |sum|; subnormal terms count exactly. Overflows only if the sum itself does.
/// Infinities and NaN act as in any other sum. A sum of nothing, or of zeros, is +0. Up to 2^63 terms.
/// For host and device: the same bits on both.
class BinnedSum {
 public:
  using Value = double;
  TUTTI_FUNCTION void add(double x);
  /// Adds all terms of the other sum: the same state, whichever way terms were grouped.
  TUTTI_FUNCTION void merge(const BinnedSum& other);
  TUTTI_FUNCTION double value() const;

 private:
  static constexpr int kept = 3;  // K
  static constexpr int width = 40;
  static constexpr int last_bin = 51;  // the last one that a term may start in
  // Bin 0 would lie beyond the largest double: it is kept 2^14 times smaller, and so are the terms put there.
  static constexpr double shrink = 0x1p-14;

  TUTTI_FUNCTION static std::uint64_t bits(double x) { return std::bit_cast<std::uint64_t>(x); }
  TUTTI_FUNCTION static int biased_exponent(double x) { return static_cast<int>(bits(x) >> 52 & 0x7ff); }
  TUTTI_FUNCTION static bool is_finite(double x) { return biased_exponent(x) != 0x7ff; }
  // 1.5 times a power of two, so that a sum may move both ways without a change of exponent. The unit of the
  // bin after the last is the smallest subnormal: it takes whatever is left, exactly.
  TUTTI_FUNCTION static double bin_value(int bin) {
    if (bin == 0) return 0x1.8p1023;
    const int exponent = bin <= last_bin ? 1037 - width * bin : -1022;
    return 1.5 * std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
  }
  // The bin that takes the leading bits of x (not zero, finite). Subnormals go to the last one.
  TUTTI_FUNCTION static int bin_of(double x) {
    const int bin = (2046 - biased_exponent(x)) / width;
    return bin < last_bin ? bin : last_bin;
  }
  // No term then lies half-way between two multiples of a bin's unit, where the rounding would depend on what
  // the bin holds.
  TUTTI_FUNCTION static double with_lowest_bit(double x) { return std::bit_cast<double>(bits(x) | 1); }

  TUTTI_FUNCTION bool empty() const { return primary_[0] == 0; }
  TUTTI_FUNCTION bool special() const { return !is_finite(primary_[0]); }
  // The inverse of bin_value for what lies in [1, 2) times its power of two.
  TUTTI_FUNCTION int first_bin() const {
    const int exponent = biased_exponent(primary_[0]) - 1023;
    return exponent == 1023 ? 0 : (1037 - exponent) / width;
  }
  TUTTI_FUNCTION void make_special(double x) {
    const double sum = special() ? primary_[0] + x : x;
    *this = BinnedSum{};
    primary_[0] = sum;
  }
  TUTTI_FUNCTION void extend_to(int bin);
  TUTTI_FUNCTION void deposit(double x);
  TUTTI_FUNCTION void renormalise();

  // level i belongs to bin first_bin() + i and stands for primary_[i] - bin + carry_[i] * bin / 6
  double primary_[kept] = {0, 0, 0};
  double carry_[kept] = {0, 0, 0};
};

static_assert(std::is_trivially_copyable_v<BinnedSum> && sizeof(BinnedSum) == 6 * sizeof(double));

TUTTI_FUNCTION inline void BinnedSum::extend_to(int bin) {
  const int rise = empty() ? kept : first_bin() - bin;
  if (rise <= 0) return;
  const int shift = rise < kept ? rise : kept;
  for (int i = kept - 1; i >= 0; --i) {
    primary_[i] = i >= shift ? primary_[i - shift] : bin_value(bin + i);
    carry_[i] = i >= shift ? carry_[i - shift] : 0;
  }
}

TUTTI_FUNCTION inline void BinnedSum::deposit(double x) {
  const int first = first_bin();
  for (int i = 0; i < kept; ++i) {
    const double old = primary_[i];
    const bool exact = first + i > last_bin;
    const double scale = first + i == 0 ? shrink : 1;
    const double term = exact ? x : with_lowest_bit(x * scale);
    primary_[i] = old + term;
    if (exact) return;  // nothing is left
    // halves: the amount taken from x may be 2^1024
    const double half_taken = (primary_[i] - old) * (0.5 / scale);
    x = (x - half_taken) - half_taken;
  }
}

// Moves what has left the middle of each bin to the carry, in quarters of the bin's power of two.
TUTTI_FUNCTION inline void BinnedSum::renormalise() {
  for (int i = 0; i < kept; ++i) {
    const std::uint64_t b = bits(primary_[i]);
    carry_[i] += static_cast<int>((b >> 50) & 3) - 2;
    primary_[i] = std::bit_cast<double>((b & ~(std::uint64_t{1} << 50)) | (std::uint64_t{1} << 51));
  }
}

TUTTI_FUNCTION inline void BinnedSum::add(double x) {
  if (x == 0) return;
  if (!is_finite(x)) return make_special(x);
  if (special()) return;
  extend_to(bin_of(x));
  deposit(x);
  renormalise();
}

TUTTI_FUNCTION inline void BinnedSum::merge(const BinnedSum& other) {
  if (other.empty()) return;
  if (other.special()) return make_special(other.primary_[0]);
  if (special()) return;
  extend_to(other.first_bin());
  const int first = first_bin();
  const int shift = other.first_bin() - first;
  for (int i = shift; i < kept; ++i) {
    primary_[i] += other.primary_[i - shift] - bin_value(first + i);
    carry_[i] += other.carry_[i - shift];
  }
  renormalise();
}

TUTTI_FUNCTION inline double BinnedSum::value() const {
  if (empty()) return 0;
  if (primary_[0] != primary_[0]) return std::numeric_limits<double>::quiet_NaN();
  if (special()) return primary_[0];
  // near overflow, intermediate sums may be larger than the result
  const int first = first_bin();
  const double scale = first <= 3 ? 0x1p-128 : 1;
  double sum = 0;
  double rest_above = 0;
  for (int i = 0; i < kept; ++i) {
    const double bin = bin_value(first + i);
    const double unit = scale / (first + i == 0 ? shrink : 1);
    sum += carry_[i] * (bin / 6 * unit);
    sum += rest_above;
    rest_above = (primary_[i] - bin) * unit;
  }
  return (sum + rest_above) / scale;
}

}  // namespace tutti
