// How parameters follow their gradients: one operation per group, over its segments, by their owners.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/nn/updates.hpp"
#include "miniapps/train/parameters.hpp"

using tutti::kernels::nn::RateSchedule;

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
  template <class Sum>
  void record(tutti::Recorder& r, std::uint32_t group, const tutti::Scalar<std::int64_t>& first,
              const Sum& sum) const;

  const Parameters<T>& parameters_;
  OptimiserConfig config_;
  std::vector<std::string> names_;
  std::vector<std::vector<tutti::Vector<T>>> states_;  // by name and group
};
