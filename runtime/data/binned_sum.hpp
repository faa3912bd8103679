// A sum of doubles whose bits do not depend on the order or the grouping of its terms.
//
// Ahrens, Demmel and Nguyen, "Algorithms for Efficient Reproducible Floating Point Summation", ACM TOMS 46
// (2020); as in ReproBLAS, with bins of W = 40 bits and K = 3 of them kept. Each bin i is a large constant
// bin(i); adding x to it rounds x to a multiple of the bin's unit, exactly the same for every order; what is
// left of x goes to the next bin. Only the K bins that start at the largest |x| matter.
#pragma once

#include <cstdint>
#include <type_traits>

#ifdef __FAST_MATH__
#error "BinnedSum needs IEEE arithmetic: compile without -ffast-math"
#endif

namespace tutti {

/// Accumulator. Trivially copyable, so it can be sent as it is. The error of n terms is at most
/// n 2^-80 max|x| + 7 eps |sum|; subnormal terms count exactly. Overflows only if the sum itself does.
/// Infinities and NaN act as in any other sum. A sum of nothing, or of zeros, is +0. Up to 2^63 terms.
class BinnedSum {
 public:
  void add(double x);
  /// Adds all terms of the other sum: the same state, whichever way terms were grouped.
  void merge(const BinnedSum& other);
  double value() const;

 private:
  static constexpr int kept = 3;  // K

  bool empty() const { return primary_[0] == 0; }
  bool special() const;
  int first_bin() const;
  void make_special(double x);
  void extend_to(int bin);
  void deposit(double x);
  void renormalise();

  // level i belongs to bin first_bin() + i and stands for primary_[i] - bin + carry_[i] * bin / 6
  double primary_[kept] = {0, 0, 0};
  double carry_[kept] = {0, 0, 0};
};

static_assert(std::is_trivially_copyable_v<BinnedSum> && sizeof(BinnedSum) == 6 * sizeof(double));

}  // namespace tutti
