// How fast the machine multiplies matrices, measured beside the training.
#pragma once

#include <vector>

#include <tutti/tutti.hpp>

/// Products of square float32 matrices by every worker at the same time, in the way that layers do them.
class GemmRate {
 public:
  explicit GemmRate(tutti::Runtime& rt);
  /// A round of products. Collective.
  void measure();
  /// Median over the rounds, all workers together.
  double gflops() const { return tutti::median_interval(gflops_).median; }

 private:
  static constexpr std::int64_t edge = 512;
  tutti::Runtime& rt_;
  tutti::Shards workers_;
  tutti::Sharded<float> a_, b_, c_;
  tutti::Graph product_;
  std::vector<double> gflops_;
};
