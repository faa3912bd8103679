// Which pieces of a text a step of training takes, as a kernel: every rank, and a device, finds its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>

#include "kernels/nn/random.hpp"
#include "runtime/data/view.hpp"

namespace tutti::kernels::nn {

/// Where the sequences of a batch begin. Training takes random places, validation pieces side by side.
struct TextPlaces {
  std::int64_t samples = 0;  ///< of a shard
  std::int64_t batch = 0;    ///< of all shards
  std::int64_t context = 0;  ///< bytes of a sequence; one more is its last label
  std::int64_t bytes = 0;    ///< of the text
  std::uint64_t seed = 0;
  bool is_training = true;  ///< and the step is `first` + the task's; else it is `first`

  /// Sequence `sample` of shard `shard`: its first byte, or -1 if there is none.
  [[nodiscard]] constexpr std::int64_t at(std::int64_t first, std::int64_t step, std::int64_t shard,
                                          std::int64_t sample) const {
    const std::int64_t number = (first + (is_training ? step : 0)) * batch + shard * samples + sample;
    if (is_training)
      return static_cast<std::int64_t>(random_numbers::bits(seed, static_cast<std::uint64_t>(number)) %
                                       static_cast<std::uint64_t>(bytes - context));
    return number < (bytes - 1) / context ? number * context : -1;
  }
};

/// tokens [samples x context] and for each the byte that follows; labels of sequences that are not there are
/// -1.
struct TextBatch {
  TextPlaces places;
  std::span<const std::uint8_t> text;
  std::shared_ptr<const void> owner;  ///< of the text

  void operator()(const Task& task, std::int64_t first, Out<std::int32_t> tokens,
                  Out<std::int32_t> labels) const {
    for (std::int64_t i = 0; i < places.samples; ++i) {
      const std::int64_t at = places.at(first, task.step, task.tile.value, i);
      const std::uint8_t* from = text.data() + std::max<std::int64_t>(at, 0);
      for (std::int64_t t = 0; t < places.context; ++t) {
        tokens.data[i * places.context + t] = from[t];
        labels.data[i * places.context + t] = at < 0 ? -1 : from[t + 1];
      }
    }
  }
};

}  // namespace tutti::kernels::nn
