// Which samples a step learns from, as operations that fill a model's input.
#pragma once

#include <cstdint>
#include <memory>

#include "miniapps/train/model.hpp"
#include "miniapps/train/samples.hpp"

/// Samples by the number of the step. Training takes the labelled samples in an order that is drawn anew for
/// each pass, and text at random places; validation takes all labelled samples, or pieces of text side by
/// side.
class Batches {
 public:
  virtual ~Batches() = default;
  /// What the data say of the model: features, classes, image size.
  virtual void complete(ModelConfig& config) const = 0;
  /// Steps that one pass takes, with `batch` samples each.
  virtual double steps_per_epoch(std::int64_t batch) const = 0;
  /// Validation steps that take each piece once, at most `most`.
  virtual std::int64_t validation_steps(std::int64_t batch, std::int64_t most) const = 0;
  /// Rows that count in the first `steps` of them.
  virtual std::int64_t validation_rows(std::int64_t batch, std::int64_t steps) const = 0;
  /// The batch of training step `first` + the graph's step number.
  virtual void record_training(tutti::Recorder& r, const Model<float>& model,
                               const tutti::Scalar<std::int64_t>& first) const = 0;
  /// Batch `number` of validation; rows beyond the last sample get labels that do not count.
  virtual void record_validation(tutti::Recorder& r, const Model<float>& model,
                                 const tutti::Scalar<std::int64_t>& number) const = 0;
  virtual const std::string& description() const = 0;
};

std::unique_ptr<Batches> make_batches(std::shared_ptr<const LabelledSamples> samples, std::uint64_t seed);
/// Throws Error(usage) if training or validation text is shorter than a sequence and one byte.
std::unique_ptr<Batches> make_batches(std::shared_ptr<const Text> text, std::int64_t context,
                                      std::uint64_t seed);
