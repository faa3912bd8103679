// Several dense layers as one task: where they are small, a task for each costs more than it computes.
#pragma once

#include <vector>

#include "kernels/nn/functors.hpp"
#include "kernels/nn/sgd_rule.hpp"
#include "runtime/data/shard_tree.hpp"

namespace tutti::kernels::nn {

/// Dense layers with ReLU between, of which each reads what the one before writes; all with w and b in one
/// group of parameters, side by side in the order of the layers. What gradients are made of lies in one array
/// for each shard, its trace: the inputs of all layers, then the derivatives of all outputs, before ReLU.
struct DenseStack {
  std::vector<LinearPlace> layers;

  static std::int64_t inputs(const LinearPlace& l) { return l.shape.rows * l.shape.in; }
  static std::int64_t outputs(const LinearPlace& l) { return l.shape.rows * l.shape.out; }
  std::int64_t trace() const { return derivative_at(layers.size()); }
  std::int64_t input_at(std::size_t layer) const {
    std::int64_t at = 0;
    for (std::size_t l = 0; l < layer; ++l) at += inputs(layers[l]);
    return at;
  }
  std::int64_t derivative_at(std::size_t layer) const {
    std::int64_t at = input_at(layers.size());
    for (std::size_t l = 0; l < layer; ++l) at += outputs(layers[l]);
    return at;
  }
};

/// The bits of LinearReluForward for each layer but the last, and of LinearForward for that. Writes the
/// inputs in the trace.
template <class T>
struct DenseStackForward {
  DenseStack stack;
  void operator()(In<T> x, Whole<T> w, Out<T> trace, Out<T> y) const;
};
/// From the derivative of the last layer's output: those in the trace.
template <class T>
struct DenseStackBackward {
  DenseStack stack;
  void operator()(In<T> dy, Whole<T> w, InOut<T> trace) const;
};

/// The same, and the shard's gradient: all derivatives but that of x.
template <class T>
struct DenseStackBackwardWhole {
  DenseStackBackward<T> derivatives;
  void operator()(In<T> dy, Whole<T> w, InOut<T> trace, Out<T> g) const;
};

/// The sum of shards' gradients, from their traces: a shard's own gradient is never in memory. Has the bits
/// of linear_backward_weight for each layer and shard, and of the tree; but zeros may differ in their sign.
template <class T>
struct DenseStackGradient {
  DenseStack stack;
  ShardTree tree;
  /// For elements `segment` of the group of parameters.
  void operator()(const Inputs<T>& traces, const Box& segment, T* to) const;
  /// The same for elements `begin` ... `end`, as the gradient of a step of SGD.
  void sgd(const Inputs<T>& traces, std::int64_t begin, std::int64_t end, const SgdRule<T>& rule, T* velocity,
           T* w) const;
};

}  // namespace tutti::kernels::nn
