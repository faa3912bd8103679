#include "miniapps/train/generate.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "kernels/nn/random.hpp"

using namespace tutti;

namespace {

std::uint8_t drawn(std::span<const float> logits, double temperature, double random) {
  const auto greatest = std::max_element(logits.begin(), logits.end());
  if (temperature == 0) return static_cast<std::uint8_t>(greatest - logits.begin());
  double sum = 0;
  std::vector<double> part(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i)
    sum += part[i] =
        std::exp((static_cast<double>(logits[i]) - static_cast<double>(*greatest)) / temperature);
  double left = random * sum;
  for (std::size_t i = 0; i < part.size(); ++i)
    if ((left -= part[i]) < 0) return static_cast<std::uint8_t>(i);
  return static_cast<std::uint8_t>(greatest - logits.begin());
}

}  // namespace

// A model of one shard with one sequence, on one rank of its own; the weights are copied.
std::string generate(const ModelConfig& config, const Parameters<float>& weights, const std::string& prompt,
                     std::int64_t bytes, double temperature, std::uint64_t seed) {
  Options options;
  options.threads = 1;
  options.watchdog_s = 0;
  Runtime rt(make_local_transports(1)[0], options);
  Model<float> model(rt, config, 1, 1, 0);
  const auto& tensors = model.parameters().list().tensors();
  for (const auto& t : tensors) std::ranges::copy(weights.tensor(t), model.parameters().tensor(t).begin());
  Graph forward = rt.record("generate", [&](Recorder& r) { model.record_forward(r); });

  const auto context = static_cast<std::size_t>(config.context);
  std::string text = prompt;
  for (std::int64_t i = 0; i < bytes; ++i) {
    const std::size_t n = std::min(text.size(), context), from = text.size() - n;
    const std::span<std::int32_t> tokens = model.tokens().shard(TileId{0});
    std::ranges::fill(tokens, 0);  // what comes after a token does not change its logits
    for (std::size_t t = 0; t < n; ++t) tokens[t] = static_cast<std::uint8_t>(text[from + t]);
    forward.run(1);
    const auto logits =
        model.logits().shard(TileId{0}).subspan((n - 1) * ModelConfig::bytes, ModelConfig::bytes);
    text += static_cast<char>(
        drawn(logits, temperature, random_numbers::uniform(seed, static_cast<std::uint64_t>(i))));
  }
  return text.substr(prompt.size());
}

std::string printable(const std::string& bytes) {
  std::string out;
  for (const char c : bytes) {
    if (c == '\n' || c == '\t' || (c >= ' ' && c <= '~'))
      out += c;
    else
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return out;
}
