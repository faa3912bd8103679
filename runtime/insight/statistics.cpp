#include "runtime/insight/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace tutti {

namespace {

/// The largest k such that X(k) .. X(n-k+1) covers the median with at least 95 %; 0 if there is none.
std::size_t order_of_interval(std::size_t n) {
  if (n > 500)  // where 2^-n leaves the range of double, the normal approximation is exact enough
    return static_cast<std::size_t>(static_cast<double>(n) / 2 - 0.98 * std::sqrt(static_cast<double>(n)));
  double outside = 0;                                // P(fewer than k of n samples lie below)
  double term = std::exp2(-static_cast<double>(n));  // binomial(n, k) / 2^n
  std::size_t k = 0;
  while (k < (n + 1) / 2) {
    outside += term;
    if (2 * outside > 0.05) break;
    term *= static_cast<double>(n - k) / static_cast<double>(k + 1);
    ++k;
  }
  return k;
}

}  // namespace

MedianInterval median_interval(std::vector<double> samples) {
  MedianInterval m;
  const std::size_t n = samples.size();
  if (n == 0) return m;
  std::sort(samples.begin(), samples.end());
  const std::size_t k = order_of_interval(n);
  m.n = static_cast<std::int64_t>(n);
  m.is_ci95 = k > 0;
  m.median = n % 2 == 1 ? samples[n / 2] : (samples[n / 2 - 1] + samples[n / 2]) / 2;
  m.low = samples[k > 0 ? k - 1 : 0];
  m.high = samples[k > 0 ? n - k : n - 1];
  return m;
}

}  // namespace tutti
