// Text from a trained gpt.
#pragma once

#include <cstdint>
#include <string>

#include "miniapps/train/model.hpp"

/// `prompt` goes on for `bytes` bytes, each drawn from the model's distribution with its logits divided by
/// `temperature` (0: the likeliest). Returns the new bytes. One process; `weights` has all of them up to
/// date.
std::string generate(const ModelConfig& config, const Parameters<float>& weights, const std::string& prompt,
                     std::int64_t bytes, double temperature, std::uint64_t seed);

/// Bytes as they can be printed: others than text become \x...
std::string printable(const std::string& bytes);
