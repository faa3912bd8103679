#include "miniapps/train/model.hpp"

#include <cmath>

#include "runtime/error.hpp"

using namespace tutti;

template <class T>
Model<T>::Model(const RankContext& context, const ModelConfig& config, std::int64_t shards,
                std::int64_t samples, std::uint64_t seed)
    : config_(config), shards_(context, shards), samples_(samples) {
  labels_.emplace(shards_, rows(), "labels");
  logits_.emplace(shards_, rows() * config_.columns(), "logits");
  if (config_.is_text())
    tokens_.emplace(shards_, rows(), "tokens");
  else
    input_.emplace(shards_, samples_ * config_.sample_values(), "samples");
  if (config_.kind == "mlp")
    build_mlp();
  else if (config_.kind == "cnn")
    build_cnn();
  else if (config_.kind == "gpt")
    build_gpt();
  else
    usage_error("there is no model '{}'", config_.kind);
  parameters_ = std::make_unique<Parameters<T>>(context, shards_, list_, seed, stack_sum_);
}

template <class T>
Sharded<T> Model<T>::make(std::int64_t elements, const std::string& label) const {
  return Sharded<T>(shards_, elements, label);
}

template <class T>
std::uint32_t Model<T>::add_linear(const std::string& name, std::int64_t in, std::int64_t out,
                                   double deviation) {
  return list_.add({{name + ".weight", {in, out}, deviation, 0, true}, {name + ".bias", {out}}});
}

template <class T>
void Model<T>::add_dense(const Sharded<T>& x, const std::optional<Sharded<T>>& dx,
                         const std::vector<std::int64_t>& widths, const std::vector<std::uint32_t>& units) {
  Sharded<T> in = x;
  std::optional<Sharded<T>> d_in = dx;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    const bool is_last = i + 2 == widths.size();
    const Sharded<T> out = is_last ? *logits_ : make(samples_ * widths[i + 1], fmt::format("y{}", i));
    const Sharded<T> d_out = is_last ? *logits_ : make(samples_ * widths[i + 1], fmt::format("dy{}", i));
    layers_.push_back(make_linear<T>({.shape = {samples_, widths[i], widths[i + 1]},
                                      .part = {units[i]},
                                      .x = in,
                                      .y = out,
                                      .dy = d_out,
                                      .dx = d_in,
                                      .activation = is_last ? Activation::none : Activation::relu}));
    in = out;
    d_in = d_out;
  }
}

template <class T>
void Model<T>::record_forward(Recorder& r) const {
  for (const auto& layer : layers_) layer->forward(r, shards_, *parameters_);
}

template <class T>
void Model<T>::record_loss(Recorder& r, const Scalar<double>& loss, double rows) const {
  const nn::RowsShape shape{this->rows(), config_.columns()};
  const Cost cost{30.0 * static_cast<double>(shape.rows * shape.columns),
                  2.0 * sizeof(T) * static_cast<double>(shape.rows * shape.columns)};
  r.reduce(shards_, make_kernel("cross_entropy", nn::CrossEntropy<T>{shape, rows}, cost), sum(loss),
           read(*labels_), update(*logits_));
}

template <class T>
void Model<T>::record_validation(Recorder& r, const Scalar<double>& loss,
                                 const Scalar<std::int64_t>& correct) const {
  const nn::RowsShape shape{rows(), config_.columns()};
  r.reduce(shards_, make_kernel("validation_loss", nn::LossOfRows<T>{shape}), sum(loss), read(*labels_),
           read(*logits_));
  r.reduce(shards_, make_kernel("correct", nn::CountCorrect<T>{shape}), sum(correct), read(*labels_),
           read(*logits_));
}

template <class T>
void Model<T>::record_backward(Recorder& r, const typename GradientsDone<T>::Callback& callback) const {
  GradientsDone<T> done(list_, callback);
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer)
    (*layer)->backward(r, shards_, *parameters_, done);
}

template <class T>
double Model<T>::forward_flops() const {
  double flops = 0;
  for (const auto& layer : layers_) flops += layer->product_flops();
  return flops;
}

template <class T>
double Model<T>::step_flops() const {
  double flops = forward_flops();
  for (const auto& layer : layers_) flops += layer->backward_product_flops();
  return flops;
}

std::int64_t expected_parameters(const ModelConfig& c) {
  if (c.kind == "gpt")
    return c.columns() * c.width + c.context * c.width + c.layers * (12 * c.width * c.width + 13 * c.width) +
           2 * c.width;
  std::vector<std::int64_t> widths{c.features};
  std::int64_t n = 0;
  if (c.kind == "cnn") {
    widths = {16 * ((c.height / 2 - 4) / 2) * ((c.width_px / 2 - 4) / 2), 120, 84};
    n = 6 * (25 * c.channels + 1) + 16 * (25 * 6 + 1);
  } else {
    widths.insert(widths.end(), c.hidden.begin(), c.hidden.end());
  }
  widths.push_back(c.classes);
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) n += (widths[i] + 1) * widths[i + 1];
  return n;
}

template class Model<float>;
template class Model<double>;
