#include "miniapps/train/batches.hpp"

#include <algorithm>
#include <vector>

#include "kernels/nn/batches.hpp"
#include "kernels/nn/random.hpp"
#include "runtime/error.hpp"

using namespace tutti;

namespace {

class LabelledBatches : public Batches {
 public:
  LabelledBatches(std::shared_ptr<const LabelledSamples> samples, std::uint64_t seed)
      : samples_(std::move(samples)), seed_(seed) {}

  void complete(ModelConfig& config) const override {
    config.features = samples_->values();
    config.classes = samples_->classes;
    config.height = samples_->height;
    config.width_px = samples_->width;
    config.channels = 1;
  }
  double steps_per_epoch(std::int64_t batch) const override {
    return static_cast<double>(samples_->training) / static_cast<double>(batch);
  }
  std::int64_t validation_steps(std::int64_t batch, std::int64_t most) const override {
    return std::min(most, (samples_->validation + batch - 1) / batch);
  }
  std::int64_t validation_rows(std::int64_t batch, std::int64_t steps) const override {
    return std::min(samples_->validation, batch * steps);
  }
  const std::string& description() const override { return samples_->description; }

  void record_training(Recorder& r, const Model<float>& model,
                       const Scalar<std::int64_t>& first) const override {
    const auto place = [s = samples_, seed = seed_](std::int64_t number) {
      const auto n = static_cast<std::uint64_t>(s->training), i = static_cast<std::uint64_t>(number);
      return static_cast<std::int64_t>(random_numbers::permuted(seed + i / n, i % n, n));
    };
    record(r, model, first, place, true);
  }
  void record_validation(Recorder& r, const Model<float>& model,
                         const Scalar<std::int64_t>& number) const override {
    const auto place = [s = samples_](std::int64_t i) { return i < s->validation ? s->training + i : -1; };
    record(r, model, number, place, false);
  }

 private:
  template <class Place>
  void record(Recorder& r, const Model<float>& model, const Scalar<std::int64_t>& first, const Place& place,
              bool counts_steps) const {
    const std::int64_t samples = model.samples(), batch = model.shards().count() * samples;
    const std::int64_t values = samples_->values();
    const double bytes = 8.0 * static_cast<double>(samples * values);
    r.each(model.shards(),
           make_kernel("samples",
                       [=, from = samples_](const Task& task, std::int64_t first, Out<float> x,
                                            Out<std::int32_t> labels) {
                         const std::int64_t step = first + (counts_steps ? task.step : 0);
                         thread_local std::vector<std::int64_t> chosen;     // first, so that their values can
                         chosen.resize(static_cast<std::size_t>(samples));  // come from memory together
                         for (std::int64_t i = 0; i < samples; ++i)
                           chosen[i] = place(step * batch + task.tile.value * samples + i);
                         for (std::int64_t i = 0; i < samples; ++i)
                           from->get(std::max<std::int64_t>(chosen[i], 0), x.data + i * values);
                         for (std::int64_t i = 0; i < samples; ++i)
                           labels.data[i] = chosen[i] < 0 ? -1 : from->label(chosen[i]);
                       },
                       {0, bytes}),
           read(first), write(model.input()), write(model.labels()));
  }

  std::shared_ptr<const LabelledSamples> samples_;
  std::uint64_t seed_;
};

class TextBatches : public Batches {
 public:
  TextBatches(std::shared_ptr<const Text> text, std::int64_t context, std::uint64_t seed)
      : text_(std::move(text)), context_(context), seed_(seed) {
    for (const auto& [part, name] :
         {std::pair(text_->training, "training"), {text_->validation, "validation"}})
      if (static_cast<std::int64_t>(part.size()) < context + 1)
        usage_error(
            "--data: {} bytes of text to use for {}, but a sequence needs {}; give more text or a "
            "smaller --context",
            part.size(), name, context + 1);
  }

  void complete(ModelConfig&) const override {}
  double steps_per_epoch(std::int64_t batch) const override {
    return static_cast<double>(text_->training.size()) / static_cast<double>(batch * context_);
  }
  std::int64_t validation_steps(std::int64_t batch, std::int64_t most) const override {
    return std::min(most, (pieces() + batch - 1) / batch);
  }
  std::int64_t validation_rows(std::int64_t batch, std::int64_t steps) const override {
    return std::min(pieces(), batch * steps) * context_;
  }
  const std::string& description() const override { return text_->description; }

  void record_training(Recorder& r, const Model<float>& model,
                       const Scalar<std::int64_t>& first) const override {
    record(r, model, first, text_->training, true);
  }
  void record_validation(Recorder& r, const Model<float>& model,
                         const Scalar<std::int64_t>& number) const override {
    record(r, model, number, text_->validation, false);
  }

 private:
  std::int64_t pieces() const { return (static_cast<std::int64_t>(text_->validation.size()) - 1) / context_; }

  void record(Recorder& r, const Model<float>& model, const Scalar<std::int64_t>& first,
              std::span<const std::uint8_t> text, bool is_training) const {
    const std::int64_t samples = model.samples();
    const nn::TextPlaces places{samples,  model.shards().count() * samples,
                                context_, static_cast<std::int64_t>(text.size()),
                                seed_,    is_training};
    r.each(model.shards(),
           make_kernel("tokens", nn::TextBatch{places, text, text_},
                       {0, 10.0 * static_cast<double>(samples * context_)}),
           read(first), write(model.tokens()), write(model.labels()));
  }

  std::shared_ptr<const Text> text_;
  std::int64_t context_;
  std::uint64_t seed_;
};

}  // namespace

std::unique_ptr<Batches> make_batches(std::shared_ptr<const LabelledSamples> samples, std::uint64_t seed) {
  return std::make_unique<LabelledBatches>(std::move(samples), seed);
}

std::unique_ptr<Batches> make_batches(std::shared_ptr<const Text> text, std::int64_t context,
                                      std::uint64_t seed) {
  return std::make_unique<TextBatches>(std::move(text), context, seed);
}
