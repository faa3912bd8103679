// Summaries of repeated timings.
#pragma once

#include <cstdint>
#include <vector>

namespace tutti {

/// The median of n samples and an interval for the median of their distribution, whatever that is: between
/// two order statistics X(k) and X(n-k+1), with the largest k for which a binomial count of samples below the
/// median lies in [k, n-k] with probability at least 0.95 (Le Boudec, Performance Evaluation of Computer and
/// Communication Systems, section 2.2). Six samples are the fewest that have one: their whole range. With
/// fewer, low and high are the range, and `is_ci95` is false.
struct MedianInterval {
  double median = 0;
  double low = 0;
  double high = 0;
  std::int64_t n = 0;
  bool is_ci95 = false;
};

/// Of at least one sample.
MedianInterval median_interval(std::vector<double> samples);

}  // namespace tutti
