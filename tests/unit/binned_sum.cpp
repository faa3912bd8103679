// BinnedSum: the same bits for every order and grouping, and close to a much wider sum.
#include "runtime/data/binned_sum.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace tutti {
namespace {

using Wide = long double;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double smallest = std::numeric_limits<double>::denorm_min();
constexpr double largest = std::numeric_limits<double>::max();

BinnedSum sum_of(const std::vector<double>& terms) {
  BinnedSum s;
  for (const double x : terms) s.add(x);
  return s;
}

/// Cuts the terms into random groups and merges the groups in random order, some of them nested.
BinnedSum grouped_sum(const std::vector<double>& terms, std::mt19937_64& random) {
  std::vector<BinnedSum> groups(1 + random() % 20);
  for (const double x : terms) groups[random() % groups.size()].add(x);
  while (groups.size() > 1) {
    const std::size_t to = random() % (groups.size() - 1);
    groups[to].merge(groups.back());
    groups.pop_back();
  }
  return groups[0];
}

void expect_same_bits(const BinnedSum& a, const BinnedSum& b) {
  using Bits = std::array<std::uint64_t, 6>;
  EXPECT_EQ(std::bit_cast<Bits>(a), std::bit_cast<Bits>(b));
  EXPECT_EQ(std::bit_cast<std::uint64_t>(a.value()), std::bit_cast<std::uint64_t>(b.value()));
}

void expect_reproducible(std::vector<double> terms) {
  std::mt19937_64 random(99);
  const BinnedSum reference = sum_of(terms);
  for (int trial = 0; trial < 200; ++trial) {
    std::shuffle(terms.begin(), terms.end(), random);
    expect_same_bits(sum_of(terms), reference);
    expect_same_bits(grouped_sum(terms, random), reference);
    if (testing::Test::HasFailure()) return;
  }
}

/// The exact sum to far more than double precision: terms in long double with a running correction.
Wide wide_sum(const std::vector<double>& terms) {
  Wide sum = 0;
  Wide correction = 0;
  for (const double x : terms) {
    const Wide next = sum + x;
    correction += std::fabs(sum) >= std::fabs(Wide{x}) ? (sum - next) + x : (Wide{x} - next) + sum;
    sum = next;
  }
  return sum + correction;
}

void expect_accurate(const std::vector<double>& terms) {
  double most = 0;
  for (const double x : terms) most = std::max(most, std::fabs(x));
  const Wide exact = wide_sum(terms);
  const Wide bound = static_cast<Wide>(terms.size()) * 0x1p-80L * most +
                     7 * std::numeric_limits<double>::epsilon() * std::fabs(exact);
  EXPECT_LE(std::fabs(sum_of(terms).value() - exact), bound);
}

std::vector<double> random_terms(int count, double lowest_exponent, double highest_exponent, int seed) {
  std::mt19937_64 random(static_cast<std::uint64_t>(seed));
  std::uniform_real_distribution<double> exponent(lowest_exponent, highest_exponent);
  std::uniform_real_distribution<double> mantissa(-1, 1);
  std::vector<double> terms(static_cast<std::size_t>(count));
  for (double& x : terms) x = std::ldexp(mantissa(random), static_cast<int>(exponent(random)));
  return terms;
}

TEST(BinnedSum, SameBitsInEveryOrderAndGrouping) {
  expect_reproducible(random_terms(1000, 0, 1, 1));
  expect_reproducible(random_terms(1000, -60, 60, 2));
  expect_reproducible(random_terms(1000, -1074, 1023, 3));
  expect_reproducible(random_terms(1000, -1074, -930, 4));
  expect_reproducible(random_terms(1000, 880, 1010, 5));
}

TEST(BinnedSum, SameBitsForTermsHalfWayBetweenUnits) {
  // multiples of half a unit of bins 25 and 26 (2^(985 - 40 i)), where plain rounding would go to even
  std::vector<double> terms;
  for (int i = 1; i < 200; ++i) {
    terms.push_back(std::ldexp(2 * i + 1, 984 - 40 * 25));
    terms.push_back(-std::ldexp(2 * i + 1, 984 - 40 * 26));
    terms.push_back(std::ldexp(i % 7 + 0.5, 984 - 40 * 27));
  }
  terms.push_back(std::ldexp(1.0, 1020 - 40 * 25));
  expect_reproducible(terms);
  expect_accurate(terms);
}

TEST(BinnedSum, IsAccurate) {
  for (int seed = 0; seed < 100; ++seed) {
    expect_accurate(random_terms(3000, 0, 1, seed));
    expect_accurate(random_terms(3000, -30, 30, seed));
    expect_accurate(random_terms(3000, -1074, 1000, seed));
    expect_accurate(random_terms(3000, -1074, -1000, seed));
  }
  EXPECT_EQ(sum_of(std::vector<double>(100000, 0.1)).value(), static_cast<double>(100000 * Wide{0.1}));
}

TEST(BinnedSum, ManyEqualTermsCarry) {
  BinnedSum one;
  one.add(1.0);
  BinnedSum doubled = one;
  for (int i = 0; i < 40; ++i) doubled.merge(BinnedSum(doubled));
  EXPECT_EQ(doubled.value(), 0x1p40);
  BinnedSum negative;
  for (int i = 0; i < 100000; ++i) negative.add(-0x1.fffffffffffffp3);
  EXPECT_EQ(negative.value(), static_cast<double>(-100000 * Wide{0x1.fffffffffffffp3}));
}

TEST(BinnedSum, Cancellation) {
  EXPECT_EQ(sum_of({1e16, 1, -1e16}).value(), 1);
  EXPECT_EQ(sum_of({1, -1}).value(), 0);
  std::vector<double> terms = random_terms(2000, -20, 20, 8);
  const std::size_t count = terms.size();
  for (std::size_t i = 0; i < count; ++i) terms.push_back(-terms[i]);
  terms.push_back(0x1p-30);
  EXPECT_EQ(sum_of(terms).value(), 0x1p-30);
  expect_reproducible(terms);
}

TEST(BinnedSum, SubnormalTermsCountExactly) {
  EXPECT_EQ(sum_of(std::vector<double>(1000, smallest)).value(), 1000 * smallest);
  EXPECT_EQ(sum_of({smallest, -smallest}).value(), 0);
  EXPECT_EQ(sum_of({0x1p-1000, smallest, -0x1p-1000}).value(), smallest);
  EXPECT_EQ(sum_of({0x1p-1022, -smallest}).value(), 0x1p-1022 - smallest);
}

TEST(BinnedSum, HugeTermsOverflowOnlyWithTheSum) {
  EXPECT_EQ(sum_of({largest}).value(), largest);
  EXPECT_EQ(sum_of({-largest}).value(), -largest);
  EXPECT_EQ(sum_of({largest, largest, -largest}).value(), largest);
  EXPECT_EQ(sum_of({largest, largest}).value(), infinity);
  EXPECT_EQ(sum_of({-largest, -largest}).value(), -infinity);
  EXPECT_EQ(sum_of({largest, 1, -largest}).value(), 0) << "beyond the kept bins";
  EXPECT_EQ(sum_of({0x1p1023, 0x1p960, -0x1p1023}).value(), 0x1p960);
  expect_reproducible({largest, 1e300, -largest, 1e290, 3, largest, -1e307, -largest, 0x1p984, -0x1p983});
}

TEST(BinnedSum, InfinityAndNan) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(sum_of({1, infinity, -5, infinity}).value(), infinity);
  EXPECT_EQ(sum_of({-infinity, largest, largest}).value(), -infinity);
  EXPECT_TRUE(std::isnan(sum_of({infinity, 1, -infinity}).value()));
  EXPECT_TRUE(std::isnan(sum_of({1, nan, infinity}).value()));
  const BinnedSum quiet = sum_of({1, nan});
  const BinnedSum signed_nan = sum_of({-nan, 2, infinity});
  EXPECT_EQ(std::bit_cast<std::uint64_t>(quiet.value()), std::bit_cast<std::uint64_t>(signed_nan.value()));
  BinnedSum merged = sum_of({1, 2});
  merged.merge(sum_of({infinity}));
  EXPECT_EQ(merged.value(), infinity);
  merged.merge(sum_of({3}));
  merged.merge(BinnedSum{});
  EXPECT_EQ(merged.value(), infinity);
  merged.merge(sum_of({-infinity}));
  EXPECT_TRUE(std::isnan(merged.value()));
}

TEST(BinnedSum, NothingIsPositiveZero) {
  BinnedSum s;
  s.merge(BinnedSum{});
  s.add(0.0);
  s.add(-0.0);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(s.value()), 0u);
  expect_same_bits(s, BinnedSum{});
}

}  // namespace
}  // namespace tutti
