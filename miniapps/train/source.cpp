#include "miniapps/train/source.hpp"

#include "miniapps/train/data/files.hpp"
#include "runtime/error.hpp"
#include "runtime/io/outcome.hpp"

namespace {

constexpr std::int64_t generated_classes = 10;
constexpr std::uint64_t data_seed = 2026;  // of the data themselves: the same problem for every --seed

std::vector<std::string> words(const std::string& text, char separator) {
  std::vector<std::string> out{""};
  for (const char c : text) {
    if (c == separator)
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

std::unique_ptr<Batches> open_text(const TrainOptions& opt) {
  constexpr std::int64_t generated_bytes = 200'000;
  std::shared_ptr<const Text> text = opt.data.empty()
                                         ? generated_text(generated_bytes, data_seed)
                                         : text_from_files(words(opt.data, ','), opt.context + 1);
  return make_batches(std::move(text), opt.context, opt.seed);
}

std::unique_ptr<Batches> open_samples(const TrainOptions& opt) {
  std::shared_ptr<const LabelledSamples> samples;
  if (!opt.data.empty())
    samples = images_from_files(opt.data, 0);
  else if (opt.model == "mlp")
    samples = generated_images(8, 8, generated_classes, 8192, 1024, data_seed);
  else
    samples = generated_images(28, 28, generated_classes, 2048, 512, data_seed);
  return make_batches(std::move(samples), opt.seed);
}

}  // namespace

std::unique_ptr<Batches> open_batches(tutti::Transport& transport, const TrainOptions& opt) {
  std::unique_ptr<Batches> batches;
  tutti::share_outcome(transport, [&] { batches = opt.model == "gpt" ? open_text(opt) : open_samples(opt); });
  return batches;
}
