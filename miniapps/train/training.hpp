// Training: the recorded step, its validation, and what is checked of the parameters.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "miniapps/train/batches.hpp"
#include "miniapps/train/model.hpp"
#include "miniapps/train/optimiser.hpp"

class Training {
 public:
  struct Validation {
    double loss = 0;      ///< mean over the rows that count
    double accuracy = 0;  ///< share of them whose label is the likeliest
  };
  /// What there is of the parameters on all ranks.
  struct Copies {
    std::uint64_t checksum = 0;  ///< of all weights; the same for any number of ranks
    bool are_equal = false;      ///< every rank has the same
  };

  /// `validation_steps` at most. All referenced must outlive it. Collective.
  Training(tutti::Runtime& rt, const Batches& batches, Model<float>& model, const OptimiserConfig& optimiser,
           std::int64_t validation_steps);

  /// One step, to be run as often as wanted, from step_number() on.
  tutti::Graph& step() { return *step_; }
  std::int64_t step_number() const { return first_.get() + step_->steps_done(); }
  /// Goes on from a step, with weights and states that the caller has set. On all ranks alike.
  void set_step_number(std::int64_t step) { first_.set(step - step_->steps_done()); }

  Validation validate();
  /// Loss of each step done here.
  std::vector<double> losses() const;
  /// Brings every rank's copy of the weights up to date, and compares them. Collective.
  Copies compare_copies();

  Model<float>& model() { return model_; }
  const Optimiser<float>& optimiser() const { return optimiser_; }

 private:
  tutti::Runtime& rt_;
  const Batches& batches_;
  Model<float>& model_;
  Optimiser<float> optimiser_;
  std::int64_t validation_steps_;
  tutti::Scalar<std::int64_t> first_;   // training step at the graph's step 0
  tutti::Scalar<std::int64_t> number_;  // of the validation batch
  tutti::Scalar<double> loss_, noted_, validation_loss_;
  tutti::Scalar<std::int64_t> correct_;
  tutti::Shards one_per_rank_;
  tutti::Sharded<std::uint64_t> hash_;  // of the rank's copies
  tutti::Scalar<std::uint64_t> least_, greatest_;
  std::shared_ptr<std::vector<double>> losses_;
  std::optional<tutti::Graph> step_, validation_, comparison_;
};
