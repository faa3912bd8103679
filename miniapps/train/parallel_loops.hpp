// The same training of dense layers as a program without Tutti would have it: one OpenMP parallel loop per
// operation. What `train --against omp-for` measures beside the recorded step.
#pragma once

#include <cstdint>
#include <vector>

#include "miniapps/train/model.hpp"
#include "miniapps/train/optimiser.hpp"

/// An mlp with the kernels, the shards and the order of sums of its Model, which learns one batch again and
/// again. In one process.
class ParallelLoops {
 public:
  /// Starts from the weights that `model` has now, without velocity, at training step `step`. The model is
  /// an mlp and must outlive it, the optimiser is sgd.
  ParallelLoops(const Model<float>& model, const OptimiserConfig& optimiser, std::int64_t step, int threads);

  /// Learns the batch that the model has at the moment from now on.
  void take_batch();
  void run(std::int64_t steps);
  double loss() const { return loss_; }  ///< of the last step
  /// Weights whose bits are not those that the model has now.
  std::int64_t different_weights() const;

  /// A timed repeat of `steps` steps.
  void measure(std::int64_t steps);
  double step_s() const { return tutti::median_interval(times_s_).median; }

 private:
  using ByShard = std::vector<std::vector<float>>;
  struct Dense {
    nn::LinearShape shape;
    std::vector<float> parameters;  // w, then b
    std::vector<float> velocity;
    ByShard gradients;
    ByShard y, dy;  // of the last layer: logits, and their derivatives in the same place
    std::int64_t weights() const { return shape.in * shape.out; }
  };
  void forward(Dense& layer, const ByShard& x, bool is_last);
  void backward(Dense& layer, const ByShard& x, ByShard* dx, bool is_last);
  void update(Dense& layer);
  void cross_entropy();

  const Model<float>& model_;
  OptimiserConfig optimiser_;
  std::int64_t step_;
  int threads_;
  std::int64_t shards_;
  tutti::ShardTree tree_;
  std::vector<Dense> layers_;
  ByShard input_;
  std::vector<std::vector<std::int32_t>> labels_;
  std::vector<double> losses_;  // by shard
  double loss_ = 0;
  std::vector<double> times_s_;
};
