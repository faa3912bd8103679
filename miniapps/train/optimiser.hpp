// How parameters follow their gradients: one operation per group, over its segments, by their owners.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/nn/nn.hpp"
#include "miniapps/train/parameters.hpp"

/// The learning rate by step: rises linearly to `peak` over `warm_up` steps, then falls along half a cosine
/// to `last` x peak at step `steps` (Loshchilov and Hutter, SGDR, ICLR 2017).
struct RateSchedule {
  double peak = 0.1;
  double last = 1;  ///< 1: the rate stays at its peak
  std::int64_t warm_up = 0;
  std::int64_t steps = 0;
  double at(std::int64_t step) const;
};

struct OptimiserConfig {
  std::string kind = "sgd";  ///< sgd or adamw
  double momentum = 0.9;     ///< sgd
  double weight_decay = 0;   ///< of tensors that decay
  RateSchedule rate;
};

template <class T>
class Optimiser {
 public:
  Optimiser(const Parameters<T>& parameters, const OptimiserConfig& config);

  /// Records: the gradient of `group` is summed over all shards, and its owners change its weights. The step
  /// of training is `first` + the graph's step number.
  void record(tutti::Recorder& r, std::uint32_t group, const tutti::Scalar<std::int64_t>& first) const;

  /// Names of the arrays that it keeps for each parameter: "velocity", or "mean" and "square".
  const std::vector<std::string>& state_names() const { return names_; }
  /// One of them for a group; each rank has its own segments.
  const tutti::Vector<T>& state(std::size_t name, std::uint32_t group) const { return states_[name][group]; }

 private:
  const Parameters<T>& parameters_;
  OptimiserConfig config_;
  std::vector<std::string> names_;
  std::vector<std::vector<tutti::Vector<T>>> states_;  // by name and group
};
