#include "miniapps/train/parallel_loops.hpp"

#include <bit>
#include <chrono>

#include "runtime/data/binned_sum.hpp"

using namespace tutti;

namespace {

// Parameters that one turn of the update's loop changes: few enough that threads get even shares.
constexpr std::int64_t segment = 512;

}  // namespace

ParallelLoops::ParallelLoops(const Model<float>& model, const OptimiserConfig& optimiser, std::int64_t step,
                             int threads)
    : model_(model),
      optimiser_(optimiser),
      step_(step),
      threads_(threads),
      shards_(model.shards().count()),
      tree_({0, static_cast<std::uint32_t>(shards_)}),
      losses_(static_cast<std::size_t>(shards_)) {
  const auto by_shard = [&](std::int64_t n) {
    return ByShard(static_cast<std::size_t>(shards_), std::vector<float>(static_cast<std::size_t>(n)));
  };
  const auto& tensors = model.parameters().list().tensors();
  for (std::size_t t = 0; t < tensors.size(); t += 2) {  // a layer has w and b
    const auto w = model.parameters().tensor(tensors[t]), b = model.parameters().tensor(tensors[t + 1]);
    const std::int64_t in = tensors[t].tensor.shape[0], out = tensors[t].tensor.shape[1];
    Dense& layer = layers_.emplace_back();
    layer.shape = {model.samples(), in, out};
    layer.parameters.assign(w.begin(), w.end());
    layer.parameters.insert(layer.parameters.end(), b.begin(), b.end());
    layer.velocity.resize(layer.parameters.size());
    layer.gradients = by_shard((in + 1) * out);
    layer.y = layer.dy = by_shard(model.samples() * out);
  }
}

void ParallelLoops::take_batch() {
  input_.clear();
  labels_.clear();
  for (std::uint32_t s = 0; s < shards_; ++s) {
    const auto x = model_.input().shard(TileId{s});
    const auto labels = model_.labels().shard(TileId{s});
    input_.emplace_back(x.begin(), x.end());
    labels_.emplace_back(labels.begin(), labels.end());
  }
}

void ParallelLoops::run(std::int64_t steps) {
  for (const std::int64_t end = step_ + steps; step_ < end; ++step_) {
    for (std::size_t l = 0; l < layers_.size(); ++l)
      forward(layers_[l], l == 0 ? input_ : layers_[l - 1].y, l + 1 == layers_.size());
    cross_entropy();
    for (std::size_t l = layers_.size(); l-- > 0;) {
      backward(layers_[l], l == 0 ? input_ : layers_[l - 1].y, l == 0 ? nullptr : &layers_[l - 1].dy,
               l + 1 == layers_.size());
      update(layers_[l]);
    }
  }
}

void ParallelLoops::forward(Dense& layer, const ByShard& x, bool is_last) {
  const float* const w = layer.parameters.data();
  const float* const b = w + layer.weights();
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t s = 0; s < shards_; ++s) {
    float* const y = layer.y[s].data();
    nn::linear_forward<float>(layer.shape, x[s].data(), w, b, nullptr, y);
    if (!is_last) nn::relu_forward<float>({layer.shape.rows, layer.shape.out}, y);
  }
}

void ParallelLoops::cross_entropy() {
  ByShard& logits = layers_.back().y;
  const nn::RowsShape shape{layers_.back().shape.rows, layers_.back().shape.out};
  const double rows = static_cast<double>(shape.rows * shards_);
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t s = 0; s < shards_; ++s)
    losses_[s] = nn::softmax_cross_entropy<float>(shape, logits[s].data(), labels_[s].data(), 1 / rows,
                                                  logits[s].data()) /
                 rows;
  BinnedSum sum;
  for (const double loss : losses_) sum.add(loss);
  loss_ = sum.value();
}

void ParallelLoops::backward(Dense& layer, const ByShard& x, ByShard* dx, bool is_last) {
  const float* const w = layer.parameters.data();
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t s = 0; s < shards_; ++s) {
    float* const dw = layer.gradients[s].data();
    float* const db = dw + layer.weights();
    float* const dy = (is_last ? layer.y : layer.dy)[s].data();
    if (!is_last)
      nn::bias_relu_backward<float>({layer.shape.rows, layer.shape.out}, layer.y[s].data(), dy, dy, db);
    nn::linear_backward_weight<float>(layer.shape, x[s].data(), dy, nn::Into::write, dw,
                                      is_last ? db : nullptr);
    if (dx != nullptr) nn::linear_backward_input<float>(layer.shape, dy, w, nn::Into::write, (*dx)[s].data());
  }
}

void ParallelLoops::update(Dense& layer) {
  const auto size = static_cast<std::int64_t>(layer.parameters.size());
  const double rate = optimiser_.rate.at(step_);
  std::vector<Input<float>> terms(static_cast<std::size_t>(shards_));
  for (std::size_t s = 0; s < terms.size(); ++s) terms[s].data = layer.gradients[s].data();
  const Inputs<float> all{terms};
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t at = 0; at < size; at += segment) {
    const std::int64_t end = std::min(at + segment, size);
    const std::int64_t split = std::clamp(layer.weights(), at, end);  // biases do not decay
    float gradient[segment];
    tree_.sum(all, at, end - at, gradient);
    const auto change = [&](std::int64_t from, std::int64_t to, double decay) {
      nn::sgd_step<float>({optimiser_.momentum, decay}, rate, 1, to - from, gradient + from - at,
                          layer.velocity.data() + from, layer.parameters.data() + from);
    };
    change(at, split, optimiser_.weight_decay);
    change(split, end, 0);
  }
}

std::int64_t ParallelLoops::different_weights() const {
  std::int64_t different = 0;
  const auto& tensors = model_.parameters().list().tensors();
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    const auto theirs = model_.parameters().tensor(tensors[t]);
    const Dense& layer = layers_[t / 2];
    const float* ours = layer.parameters.data() + (t % 2 == 0 ? 0 : layer.weights());
    for (const float value : theirs)
      different += std::bit_cast<std::uint32_t>(value) == std::bit_cast<std::uint32_t>(*ours++) ? 0 : 1;
  }
  return different;
}

void ParallelLoops::measure(std::int64_t steps) {
  const auto begin = std::chrono::steady_clock::now();
  run(steps);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  times_s_.push_back(took.count() / static_cast<double>(steps));
}
