// How fast the machine multiplies matrices, measured beside the training.
#pragma once

#include <tutti/tutti.hpp>

/// Products of square float32 matrices by every worker at the same time, in the way that layers do them.
class GemmRate {
 public:
  explicit GemmRate(tutti::Runtime& rt);
  /// A round of products. Collective.
  void measure();
  /// Over all rounds, all workers together. No median: what it is compared with are sums over a whole run,
  /// with whatever slowed the machine down meanwhile.
  double gflops() const { return flops_ / time_s_ / 1e9; }

 private:
  static constexpr std::int64_t edge = 512;
  tutti::Runtime& rt_;
  tutti::Shards workers_;
  tutti::Sharded<float> a_, b_, c_;
  tutti::Graph product_;
  double flops_ = 0, time_s_ = 0;
};
