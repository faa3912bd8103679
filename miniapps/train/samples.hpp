// What is learned from: samples with labels, or text. Every rank can get any sample, and which ones a step
// takes depends on its number alone.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// Samples of numbers, each with a label; some to learn from and others to validate with. Safe for several
/// threads.
class LabelledSamples {
 public:
  virtual ~LabelledSamples() = default;
  std::int64_t height = 0;  ///< of an image, row-major; one channel
  std::int64_t width = 0;
  std::int64_t classes = 0;
  std::int64_t training = 0;    ///< samples 0 .. training - 1
  std::int64_t validation = 0;  ///< those after them
  std::string description;

  std::int64_t values() const { return height * width; }
  /// Writes values() numbers, near 0 and 1 in size.
  virtual void get(std::int64_t sample, float* to) const = 0;
  virtual std::int32_t label(std::int64_t sample) const = 0;
};

/// Images of `classes` smooth patterns, moved at random by up to an eighth of their size and overlaid with
/// noise.
std::unique_ptr<LabelledSamples> generated_images(std::int64_t height, std::int64_t width,
                                                  std::int64_t classes, std::int64_t training,
                                                  std::int64_t validation, std::uint64_t seed);

/// Bytes; the first part to learn from, the rest to validate with.
class Text {
 public:
  virtual ~Text() = default;
  std::span<const std::uint8_t> training;
  std::span<const std::uint8_t> validation;
  std::string description;
};

/// Sentences of a small grammar.
std::unique_ptr<Text> generated_text(std::int64_t bytes, std::uint64_t seed);
