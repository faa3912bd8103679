// A decoder of bytes after GPT-2 (Radford et al., Language models are unsupervised multitask learners, 2019):
// layer norm before attention and before the dense layers of each block, both added to what passes by; the
// logits share the token embedding.
#include <cmath>

#include "miniapps/train/model.hpp"
#include "runtime/error.hpp"

using tutti::Sharded;

template <class T>
void Model<T>::build_gpt() {
  const ModelConfig& c = config_;
  const std::int64_t n = rows(), width = c.width;
  constexpr double deviation = 0.02;
  // what is added to the passing values, twice per block, starts smaller
  const double added = deviation / std::sqrt(2.0 * static_cast<double>(c.layers));
  const auto norm = [&](const std::string& name) {
    return std::vector<Tensor>{{name + ".gain", {width}, 0, 1}, {name + ".bias", {width}}};
  };
  // a layer norm and the dense layer behind it are one unit
  const auto norm_linear = [&](const std::string& name, std::int64_t out) {
    std::vector<Tensor> tensors = norm(name + ".norm");
    tensors.push_back({name + ".in.weight", {width, out}, deviation, 0, true});
    tensors.push_back({name + ".in.bias", {out}});
    return list_.add(tensors);
  };

  const std::uint32_t embedding = list_.add({{"token", {ModelConfig::bytes, width}, deviation, 0, true},
                                             {"position", {c.context, width}, deviation, 0, true}});
  // derivatives: `passing` runs along the blocks, the others serve one layer after another
  const auto passing = make(n * width, "d passing"), d_width = make(n * width, "d width");
  const auto d_qkv = make(n * 3 * width, "d qkv"), d_wide = make(n * 4 * width, "d wide");
  Sharded<T> x = make(n * width, "x");
  layers_.push_back(
      make_embedding<T>({samples_, c.context, width, ModelConfig::bytes}, {embedding}, *tokens_, x, passing));

  for (std::int64_t l = 0; l < c.layers; ++l) {
    const std::string name = fmt::format("block{}.", l);
    const auto label = [&](const char* what) { return name + what; };
    const std::uint32_t attention_in = norm_linear(name + "attention", 3 * width);
    const std::uint32_t attention_out = add_linear(name + "attention.out", width, width, added);
    const std::uint32_t dense_in = norm_linear(name + "dense", 4 * width);
    const std::uint32_t dense_out = add_linear(name + "dense.out", 4 * width, width, added);

    const auto h = make(n * width, label("h")), s = make(n * 2, label("s"));
    const auto qkv = make(n * 3 * width, label("qkv")), a = make(n * width, label("a"));
    const auto log_sums = make(n * c.heads, label("log sums"));
    const auto middle = make(n * width, label("middle"));
    layers_.push_back(
        make_layer_norm<T>({n, width}, {attention_in}, x, h, s, d_width, passing, nn::Into::add));
    layers_.push_back(make_linear<T>({.shape = {n, width, 3 * width},
                                      .part = {attention_in, 2, false},
                                      .x = h,
                                      .y = qkv,
                                      .dy = d_qkv,
                                      .dx = d_width}));
    layers_.push_back(
        make_attention<T>({samples_, c.context, c.heads, width / c.heads}, qkv, a, log_sums, d_width, d_qkv));
    layers_.push_back(make_linear<T>({.shape = {n, width, width},
                                      .part = {attention_out},
                                      .x = a,
                                      .y = middle,
                                      .dy = passing,
                                      .dx = d_width,
                                      .residual = x}));

    const auto h2 = make(n * width, label("h2")), s2 = make(n * 2, label("s2"));
    const auto u = make(n * 4 * width, label("u")), wide = make(n * 4 * width, label("wide"));
    const auto next = make(n * width, label("x"));
    layers_.push_back(
        make_layer_norm<T>({n, width}, {dense_in}, middle, h2, s2, d_width, passing, nn::Into::add));
    layers_.push_back(make_linear<T>({.shape = {n, width, 4 * width},
                                      .part = {dense_in, 2, false},
                                      .x = h2,
                                      .y = wide,
                                      .dy = d_wide,
                                      .dx = d_width,
                                      .activation = Activation::gelu,
                                      .u = u}));
    layers_.push_back(make_linear<T>({.shape = {n, 4 * width, width},
                                      .part = {dense_out},
                                      .x = wide,
                                      .y = next,
                                      .dy = passing,
                                      .dx = d_wide,
                                      .residual = middle}));
    x = next;
  }

  const std::uint32_t last = list_.add(norm("norm"));
  const auto h = make(n * width, "h"), s = make(n * 2, "s");
  layers_.push_back(make_layer_norm<T>({n, width}, {last}, x, h, s, d_width, passing, nn::Into::write));
  layers_.push_back(make_linear<T>({.shape = {n, width, ModelConfig::bytes, true},
                                    .part = {embedding, 0, false},
                                    .has_bias = false,
                                    .x = h,
                                    .y = *logits_,
                                    .dy = *logits_,
                                    .dx = d_width}));
}

template void Model<float>::build_gpt();
template void Model<double>::build_gpt();
