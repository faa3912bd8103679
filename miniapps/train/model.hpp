// Models: lists of layers between a shard's samples and its logits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "miniapps/train/layers.hpp"

/// What there is to build. A model of a kind ignores what belongs to the others.
struct ModelConfig {
  std::string kind = "mlp";            ///< mlp, cnn or gpt
  std::int64_t classes = 10;           ///< mlp, cnn: labels; gpt: 256 bytes
  std::int64_t features = 0;           ///< mlp: values of a sample
  std::vector<std::int64_t> hidden{};  ///< mlp: widths between features and classes
  bool is_stacked = true;  ///< mlp: layers in one group of parameters are one task; the bits are the same
  std::int64_t height = 28, width_px = 28, channels = 1;           ///< cnn: of an image
  std::int64_t layers = 4, heads = 4, width = 128, context = 128;  ///< gpt

  static constexpr std::int64_t bytes = 256;  ///< the vocabulary of gpt
  bool is_text() const { return kind == "gpt"; }
  /// Values of a sample that is not text.
  std::int64_t sample_values() const { return kind == "mlp" ? features : channels * height * width_px; }
  /// Rows of logits per sample: one, or one per token.
  std::int64_t rows_per_sample() const { return is_text() ? context : 1; }
  std::int64_t columns() const { return is_text() ? bytes : classes; }
};

/// A model on the shards of a batch: its parameters, its activations and its layers. One batch is
/// shards x samples. Move-only.
template <class T>
class Model {
 public:
  /// Weights start from `seed`. Throws Error(usage) for a configuration that fits no model.
  Model(const tutti::RankContext& context, const ModelConfig& config, std::int64_t shards,
        std::int64_t samples, std::uint64_t seed);

  const ModelConfig& config() const { return config_; }
  const tutti::Shards& shards() const { return shards_; }
  std::int64_t samples() const { return samples_; }  ///< per shard
  /// Rows of logits per shard.
  std::int64_t rows() const { return samples_ * config_.rows_per_sample(); }
  Parameters<T>& parameters() { return *parameters_; }
  const Parameters<T>& parameters() const { return *parameters_; }

  /// What a step starts from: samples (or tokens) and labels, a shard's [rows]. Labels below 0 do not count.
  const tutti::Sharded<T>& input() const { return *input_; }
  const tutti::Sharded<std::int32_t>& tokens() const { return *tokens_; }
  const tutti::Sharded<std::int32_t>& labels() const { return *labels_; }
  /// Receives the logits [rows x columns], and then their derivatives.
  const tutti::Sharded<T>& logits() const { return *logits_; }

  void record_forward(tutti::Recorder& r) const;
  /// loss = sum of the rows' cross-entropies / `rows`; the logits become their derivatives.
  void record_loss(tutti::Recorder& r, const tutti::Scalar<double>& loss, double rows) const;
  /// The same without derivatives, and the rows whose label has the greatest logit.
  void record_validation(tutti::Recorder& r, const tutti::Scalar<double>& loss,
                         const tutti::Scalar<std::int64_t>& correct) const;
  /// Gradients of all groups; `done` is called as soon as one is complete.
  void record_backward(tutti::Recorder& r, const typename GradientsDone<T>::Callback& done) const;

  /// Operations of matrix products for one shard: forward, and forward with backward.
  double forward_flops() const;
  double step_flops() const;

 private:
  tutti::Sharded<T> make(std::int64_t elements, const std::string& label) const;
  /// A dense layer's unit: w [in x out] and b.
  std::uint32_t add_linear(const std::string& name, std::int64_t in, std::int64_t out, double deviation);
  void build_mlp();
  void build_cnn();
  /// Dense layers with ReLU between, from `x` [samples x widths[0]] to the logits. `dx` none: not wanted.
  void add_dense(const tutti::Sharded<T>& x, const std::optional<tutti::Sharded<T>>& dx,
                 const std::vector<std::int64_t>& widths, const std::vector<std::uint32_t>& units);
  void build_gpt();

  ModelConfig config_;
  tutti::Shards shards_;
  std::int64_t samples_;
  ParameterList list_;
  std::vector<LayerPointer<T>> layers_;
  std::optional<StackSum<T>> stack_sum_;  // of mlp's layers if they are one task
  std::optional<tutti::Sharded<T>> input_, logits_;
  std::optional<tutti::Sharded<std::int32_t>> tokens_, labels_;
  std::unique_ptr<Parameters<T>> parameters_;
};

/// Parameters of the models by formula, for checks: mlp: sum of (in + 1) out; gpt: V C + T C + L (12 C^2 + 13
/// C)
/// + 2 C (the logits share the token embedding).
std::int64_t expected_parameters(const ModelConfig& config);
