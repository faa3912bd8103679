// Whether the backward pass of a whole model is the derivative of its forward pass.
#pragma once

#include <cstdint>

#include "miniapps/train/model.hpp"

/// Relative difference between the gradient and a central difference of the loss along it, in float64, for
/// the mean of `samples` random samples in two shards. The step is small against the weights. One process.
/// `weights` null: those that a new model has.
double gradient_error(const ModelConfig& config, const Parameters<float>* weights, std::int64_t samples,
                      std::uint64_t seed);
