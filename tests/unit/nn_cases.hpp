// What the tests of kernels/nn share: random arrays, derivatives by central differences, comparisons.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/nn/nn.hpp"
#include "kernels/nn/reference.hpp"

namespace tutti::kernels::nn::testing {

using reference::Labels;
using reference::Values;

inline Values random_values(std::int64_t n, std::uint64_t seed, double size = 1) {
  std::mt19937_64 generator(seed);
  std::uniform_real_distribution<double> value(-size, size);
  Values x(static_cast<std::size_t>(n));
  for (double& v : x) v = value(generator);
  return x;
}

template <class T>
std::vector<T> as(const Values& x) {
  return std::vector<T>(x.begin(), x.end());
}

/// How far single precision may be off what float64 says, relative to the greatest value.
template <class T>
inline constexpr double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-13;

template <class T>
void expect_near(const std::vector<T>& x, const Values& expected, double relative = tolerance<T>) {
  ASSERT_EQ(x.size(), expected.size());
  double greatest = 1e-30;
  for (const double e : expected) greatest = std::max(greatest, std::abs(e));
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_FALSE(std::isnan(x[i])) << i;
    worst = std::max(worst, std::abs(static_cast<double>(x[i]) - expected[i]));
  }
  EXPECT_LT(worst / greatest, relative);
}

/// The derivative of loss() by each value of x, by central differences.
inline Values differences(Values& x, const std::function<double()>& loss) {
  constexpr double h = 1e-5;
  Values d(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double kept = x[i];
    x[i] = kept + h;
    const double above = loss();
    x[i] = kept - h;
    const double below = loss();
    x[i] = kept;
    d[i] = (above - below) / (2 * h);
  }
  return d;
}

/// A loss that weights each output: the derivative by outputs is `weights`.
inline double weighted(const Values& y, const Values& weights) {
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * weights[i];
  return sum;
}

/// What central differences allow: the bound of the project's oracles in float64, rounding in float32.
template <class T>
inline constexpr double gradient_tolerance = sizeof(T) == 4 ? 1e-5 : 1e-6;

}  // namespace tutti::kernels::nn::testing
