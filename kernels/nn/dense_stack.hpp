// Several dense layers as one task: where they are small, a task for each costs more than it computes.
#pragma once

#include <vector>

#include "kernels/nn/functors.hpp"

namespace tutti::kernels::nn {

/// Dense layers with ReLU between, of which each reads what the one before writes; two at least, all with w
/// and b in one group of parameters. `hidden` holds their outputs one after the other, but for the last
/// one's.
struct DenseStack {
  std::vector<LinearPlace> layers;

  static std::int64_t outputs(const LinearPlace& layer) { return layer.shape.rows * layer.shape.out; }
  std::int64_t hidden() const {
    std::int64_t n = 0;
    for (std::size_t l = 0; l + 1 < layers.size(); ++l) n += outputs(layers[l]);
    return n;
  }
};

/// The bits of LinearReluForward for each layer but the last, and of LinearForward for that.
template <class T>
struct DenseStackForward {
  DenseStack stack;
  void operator()(In<T> x, Whole<T> w, Out<T> hidden, Out<T> y) const;
};
/// All derivatives but that of x, from that of the last layer's output.
template <class T>
struct DenseStackBackward {
  DenseStack stack;
  void operator()(In<T> x, In<T> hidden, In<T> dy, Whole<T> w, InOut<T> g) const;
};

}  // namespace tutti::kernels::nn
