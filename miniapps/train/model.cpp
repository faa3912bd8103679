#include "miniapps/train/model.hpp"

#include <cmath>

#include "runtime/error.hpp"

using namespace tutti;

namespace {

/// A rank alone takes a whole batch as one task if it is this much work at most: to bring weights and
/// derivatives from core to core would cost more than a second core saves.
constexpr double little_flops = 1e6;

std::int64_t shards_of_task(const RankContext& context, const ModelConfig& c, std::int64_t shards,
                            std::int64_t samples) {
  const bool is_little = c.kind == "mlp" && is_small_stack(c) &&
                         6.0 * static_cast<double>(expected_parameters(c) * shards * samples) <= little_flops;
  return is_little && context.ranks == 1 ? shards : 1;
}

/// A loss of `shards` shards one after the other, with the bits of so many tasks.
template <class Logits, class Loss>
auto of_shards(const Loss& loss, std::int64_t shards) {
  return [=](In<std::int32_t> labels, Logits logits) {
    BinnedSum sum;
    for (std::int64_t s = 0; s < shards; ++s) {
      sum.add(loss(labels, logits));
      labels.data += loss.shape.rows;
      logits.data += loss.shape.rows * loss.shape.columns;
    }
    return sum.value();
  };
}

}  // namespace

template <class T>
Model<T>::Model(const RankContext& context, const ModelConfig& config, std::int64_t shards,
                std::int64_t samples, std::uint64_t seed)
    : config_(config),
      shards_per_task_(shards_of_task(context, config, shards, samples)),
      shards_(context, shards / shards_per_task_),
      samples_(samples * shards_per_task_) {
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
  const nn::RowsShape shape{this->rows() / shards_per_task_, config_.columns()};
  const double values = static_cast<double>(this->rows() * shape.columns);
  const Cost cost{30.0 * values, 2.0 * sizeof(T) * values};
  const nn::CrossEntropy<T> entropy{shape, rows};
  const char* const name = "cross_entropy";
  r.reduce(shards_,
           shards_per_task_ == 1 ? make_kernel(name, entropy, cost)
                                 : make_kernel(name, of_shards<InOut<T>>(entropy, shards_per_task_), cost),
           sum(loss), read(*labels_), update(*logits_));
}

template <class T>
void Model<T>::record_validation(Recorder& r, const Scalar<double>& loss,
                                 const Scalar<std::int64_t>& correct) const {
  const nn::LossOfRows<T> of_rows{{rows() / shards_per_task_, config_.columns()}};
  const char* const name = "validation_loss";
  r.reduce(shards_,
           shards_per_task_ == 1 ? make_kernel(name, of_rows)
                                 : make_kernel(name, of_shards<In<T>>(of_rows, shards_per_task_)),
           sum(loss), read(*labels_), read(*logits_));
  r.reduce(shards_, make_kernel("correct", nn::CountCorrect<T>{{rows(), config_.columns()}}), sum(correct),
           read(*labels_), read(*logits_));
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
