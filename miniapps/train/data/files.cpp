#include "miniapps/train/data/files.hpp"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "miniapps/train/data/byte_files.hpp"
#include "miniapps/train/data/idx.hpp"

namespace {

class ImagesFromFiles : public LabelledSamples {
 public:
  ImagesFromFiles(const std::string& folder, LabelledImages images) : images_(std::move(images)) {
    height = images_.height;
    width = images_.width;
    classes = images_.classes;
    training = images_.training.count;
    validation = images_.validation.count;
    description = fmt::format("{}: {} classes of {} x {}, {} + {} samples", folder, classes, height, width,
                              training, validation);
    std::uint64_t sum = 0;  // integers: the same bits everywhere
    std::uint64_t squares = 0;
    for (const std::uint64_t pixel : images_.training.pixels) {
      sum += pixel;
      squares += pixel * pixel;
    }
    const auto n = static_cast<double>(images_.training.pixels.size());
    mean_ = static_cast<double>(sum) / n;
    const double variance = static_cast<double>(squares) / n - mean_ * mean_;
    scale_ = variance > 0 ? 1 / std::sqrt(variance) : 1;
  }
  void get(std::int64_t sample, float* to) const override {
    const auto [part, index] = find(sample);
    const std::uint8_t* const from = part->pixels.data() + index * values();
    for (std::int64_t i = 0; i < values(); ++i) to[i] = static_cast<float>((from[i] - mean_) * scale_);
  }
  std::int32_t label(std::int64_t sample) const override {
    const auto [part, index] = find(sample);
    return part->labels[static_cast<std::size_t>(index)];
  }

 private:
  [[nodiscard]] std::pair<const LabelledImages::Part*, std::int64_t> find(std::int64_t sample) const {
    if (sample < training) return {&images_.training, sample};
    return {&images_.validation, sample - training};
  }

  LabelledImages images_;
  double mean_ = 0;
  double scale_ = 1;
};

class TextFromFiles : public Text {
 public:
  TextFromFiles(const std::vector<std::string>& paths, std::size_t least) : files_(paths, least) {
    training = files_.training();
    validation = files_.validation();
    description = fmt::format("{}{}: {} + {} bytes of {} file{}", paths.front(),
                              paths.size() > 1 ? ", ..." : "", training.size(), validation.size(),
                              files_.file_count(), files_.file_count() == 1 ? "" : "s");
  }

 private:
  ByteFiles files_;
};

}  // namespace

std::unique_ptr<LabelledSamples> images_from_files(const std::string& folder, std::int64_t classes) {
  return std::make_unique<ImagesFromFiles>(folder, read_labelled_images(folder, classes));
}

std::unique_ptr<Text> text_from_files(const std::vector<std::string>& paths, std::int64_t least) {
  return std::make_unique<TextFromFiles>(paths, static_cast<std::size_t>(least));
}
