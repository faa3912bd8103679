#include "runtime/insight/statistics.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

using tutti::median_interval;

namespace {
std::vector<double> one_to(int n) {
  std::vector<double> v(static_cast<std::size_t>(n));
  std::iota(v.begin(), v.end(), 1.0);
  return v;
}
}  // namespace

TEST(MedianInterval, OrderDoesNotMatter) {
  const auto m = median_interval({5, 1, 4, 2, 3});
  EXPECT_EQ(m.median, 3);
  EXPECT_EQ(m.n, 5);
}

TEST(MedianInterval, EvenCountsTakeTheMiddle) { EXPECT_EQ(median_interval({4, 1, 3, 2}).median, 2.5); }

TEST(MedianInterval, SixSamplesAreTheFewestForAnInterval) {
  EXPECT_FALSE(median_interval(one_to(5)).is_ci95);
  const auto m = median_interval(one_to(6));
  EXPECT_TRUE(m.is_ci95);
  EXPECT_EQ(m.low, 1);
  EXPECT_EQ(m.high, 6);
}

// Ranks as tabulated in Le Boudec, appendix A, for confidence 0.95.
TEST(MedianInterval, AgreesWithTheTable) {
  const struct {
    int n, low, high;
  } table[] = {{8, 1, 8},   {9, 2, 8},   {10, 2, 9},   {12, 3, 10},
               {15, 4, 12}, {20, 6, 15}, {30, 10, 21}, {50, 18, 33}};
  for (const auto& row : table) {
    const auto m = median_interval(one_to(row.n));
    EXPECT_EQ(m.low, row.low) << row.n;
    EXPECT_EQ(m.high, row.high) << row.n;
  }
}

TEST(MedianInterval, ManySamples) {
  for (const int n : {500, 501, 2000}) {
    const auto m = median_interval(one_to(n));
    EXPECT_NEAR(m.low, n / 2.0 - 0.98 * std::sqrt(n), 2) << n;
    EXPECT_NEAR(m.high, n / 2.0 + 1 + 0.98 * std::sqrt(n), 2) << n;
  }
}

TEST(MedianInterval, FewSamplesGiveTheirRange) {
  const auto m = median_interval({2, 7});
  EXPECT_EQ(m.low, 2);
  EXPECT_EQ(m.high, 7);
  EXPECT_EQ(median_interval({}).n, 0);
}
