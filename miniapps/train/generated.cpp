#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "kernels/nn/random.hpp"
#include "miniapps/train/samples.hpp"

namespace {

class GeneratedImages : public LabelledSamples {
 public:
  GeneratedImages(std::int64_t h, std::int64_t w, std::int64_t c, std::int64_t train, std::int64_t check,
                  std::uint64_t seed) {
    height = h;
    width = w;
    classes = c;
    training = train;
    validation = check;
    description = fmt::format("generated: {} classes of {} x {}, {} + {} samples", c, h, w, train, check);
    values_.resize(static_cast<std::size_t>((train + check) * values()));
    for (std::int64_t s = 0; s < train + check; ++s) make(s, seed);
  }
  void get(std::int64_t sample, float* to) const override {
    const float* from = values_.data() + sample * values();
    std::copy(from, from + values(), to);
  }
  std::int32_t label(std::int64_t sample) const override {
    return static_cast<std::int32_t>(sample % classes);
  }

 private:
  // A class's pattern: four waves with random directions, lengths and phases.
  static double pattern(std::uint64_t seed, double y, double x) {
    double sum = 0;
    for (std::uint64_t wave = 0; wave < 4; ++wave) {
      const auto random = [&](std::uint64_t i) { return random_numbers::uniform(seed, 3 * wave + i); };
      const double fy = 2.5 * (2 * random(0) - 1), fx = 2.5 * (2 * random(1) - 1);
      sum += std::sin(2 * std::numbers::pi * (fy * y + fx * x + random(2)));
    }
    return sum / 2;
  }

  void make(std::int64_t sample, std::uint64_t seed) {
    const std::uint64_t own = random_numbers::bits(seed, static_cast<std::uint64_t>(sample));
    const std::uint64_t kind = random_numbers::bits(~seed, static_cast<std::uint64_t>(label(sample)));
    const double dy = (random_numbers::uniform(own, 0) - 0.5) / 4,
                 dx = (random_numbers::uniform(own, 1) - 0.5) / 4;
    float* to = values_.data() + sample * values();
    for (std::int64_t i = 0; i < height; ++i)
      for (std::int64_t j = 0; j < width; ++j) {
        const double y = static_cast<double>(i) / static_cast<double>(height) + dy;
        const double x = static_cast<double>(j) / static_cast<double>(width) + dx;
        const double noise =
            2 * random_numbers::uniform(own, static_cast<std::uint64_t>(2 + i * width + j)) - 1;
        to[i * width + j] = static_cast<float>(pattern(kind, y, x) + 1.5 * noise);
      }
  }

  std::vector<float> values_;
};

class GeneratedText : public Text {
 public:
  GeneratedText(std::int64_t bytes, std::uint64_t seed) {
    static constexpr std::array<const char*, 8> subjects{"the rank",    "a worker",     "the plan",
                                                         "one tile",    "the graph",    "a node",
                                                         "the runtime", "every message"};
    static constexpr std::array<const char*, 8> verbs{"waits for", "sends to", "reads from", "runs before",
                                                      "follows",   "wakes",    "counts",     "leads"};
    static constexpr std::array<const char*, 4> adverbs{"", " again", " at once", " in order"};
    static constexpr std::array<const char*, 4> ends{".\n", ". ", ", and ", "; "};
    std::uint64_t at = 0;
    const auto one_of = [&](const auto& words) {
      return words[random_numbers::bits(seed, at++) % words.size()];
    };
    std::string text;
    while (static_cast<std::int64_t>(text.size()) < bytes) {
      text += one_of(subjects);
      text += ' ';
      text += one_of(verbs);
      text += ' ';
      text += one_of(subjects);
      text += one_of(adverbs);
      text += one_of(ends);
    }
    bytes_.assign(text.begin(), text.begin() + bytes);
    const std::size_t split = bytes_.size() / 10 * 9;
    training = std::span(bytes_).first(split);
    validation = std::span(bytes_).subspan(split);
    description = fmt::format("generated: {} + {} bytes of sentences", training.size(), validation.size());
  }

 private:
  std::vector<std::uint8_t> bytes_;
};

}  // namespace

std::unique_ptr<LabelledSamples> generated_images(std::int64_t height, std::int64_t width,
                                                  std::int64_t classes, std::int64_t training,
                                                  std::int64_t validation, std::uint64_t seed) {
  return std::make_unique<GeneratedImages>(height, width, classes, training, validation, seed);
}

std::unique_ptr<Text> generated_text(std::int64_t bytes, std::uint64_t seed) {
  return std::make_unique<GeneratedText>(bytes, seed);
}
