#include "runtime/data/binned_sum.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace tutti {
namespace {

constexpr int width = 40;
constexpr int last_bin = 51;  // the last one that a term may start in

// Bin 0 would lie beyond the largest double: it is kept 2^14 times smaller, and so are the terms put there.
constexpr double shrink = 0x1p-14;

double power_of_two(int exponent) {  // normal numbers only
  return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
}

// 1.5 times a power of two, so that a sum may move both ways without a change of exponent. The unit of the
// bin after the last is the smallest subnormal: it takes whatever is left, exactly.
double bin_value(int bin) {
  if (bin == 0) return 0x1.8p1023;
  return 1.5 * power_of_two(bin <= last_bin ? 1037 - width * bin : -1022);
}

// The bin that takes the leading bits of x (not zero, finite).
int bin_of(double x) {
  int exponent = 0;
  std::frexp(x, &exponent);
  return std::min((1024 - exponent) / width, last_bin);
}

// No term then lies half-way between two multiples of a bin's unit, where the rounding would depend on what
// the bin holds.
double with_lowest_bit(double x) { return std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) | 1); }

}  // namespace

bool BinnedSum::special() const { return !std::isfinite(primary_[0]); }

// The inverse of bin_value for what lies in [1, 2) times its power of two.
int BinnedSum::first_bin() const {
  const int exponent = static_cast<int>(std::bit_cast<std::uint64_t>(primary_[0]) >> 52) - 1023;
  return exponent == 1023 ? 0 : (1037 - exponent) / width;
}

void BinnedSum::make_special(double x) {
  const double sum = special() ? primary_[0] + x : x;
  *this = BinnedSum{};
  primary_[0] = sum;
}

void BinnedSum::extend_to(int bin) {
  const int shift = empty() ? kept : std::min(first_bin() - bin, kept);
  if (shift <= 0) return;
  for (int i = kept - 1; i >= 0; --i) {
    primary_[i] = i >= shift ? primary_[i - shift] : bin_value(bin + i);
    carry_[i] = i >= shift ? carry_[i - shift] : 0;
  }
}

void BinnedSum::deposit(double x) {
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
void BinnedSum::renormalise() {
  for (int i = 0; i < kept; ++i) {
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(primary_[i]);
    carry_[i] += static_cast<int>((bits >> 50) & 3) - 2;
    primary_[i] = std::bit_cast<double>((bits & ~(std::uint64_t{1} << 50)) | (std::uint64_t{1} << 51));
  }
}

void BinnedSum::add(double x) {
  if (x == 0) return;
  if (!std::isfinite(x)) return make_special(x);
  if (special()) return;
  extend_to(bin_of(x));
  deposit(x);
  renormalise();
}

void BinnedSum::merge(const BinnedSum& other) {
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

double BinnedSum::value() const {
  if (empty()) return 0;
  if (std::isnan(primary_[0])) return std::numeric_limits<double>::quiet_NaN();
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
