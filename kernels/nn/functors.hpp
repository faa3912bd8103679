// The kernels of nets as types: what one shard of a batch does, on arrays of its own and on a group of
// parameters of which a layer has tensors at given offsets (in elements; g is the shard's part of the group's
// gradient). A device finds its bodies by these types, and reads shapes and offsets from the functors; on the
// host they call nn.hpp.
#pragma once

#include <cstdint>

#include "kernels/nn/nn.hpp"
#include "runtime/data/view.hpp"

namespace tutti::kernels::nn {

enum class Activation : std::uint8_t { none, relu, gelu };

// ---- linear -------------------------------------------------------------------------------------------

/// A dense layer and where its tensors are.
struct LinearPlace {
  LinearShape shape;
  std::int64_t w = 0;
  std::int64_t b = -1;  ///< negative: none

  template <class T>
  const T* weight(const Whole<T>& all) const {
    return all.data() + w;
  }
  template <class T>
  const T* bias(const Whole<T>& all) const {
    return b < 0 ? nullptr : all.data() + b;
  }
  RowsShape outputs() const { return {shape.rows, shape.out}; }
};

/// y = x w + b
template <class T>
struct LinearForward {
  LinearPlace at;
  void operator()(In<T> x, Whole<T> w, Out<T> y) const {
    linear_forward<T>(at.shape, x.data, at.weight(w), at.bias(w), nullptr, y.data);
  }
};
/// y = x w + b + residual
template <class T>
struct LinearResidualForward {
  LinearPlace at;
  void operator()(In<T> x, Whole<T> w, In<T> residual, Out<T> y) const {
    linear_forward<T>(at.shape, x.data, at.weight(w), at.bias(w), residual.data, y.data);
  }
};
/// y = relu(x w + b)
template <class T>
struct LinearReluForward {
  LinearPlace at;
  void operator()(In<T> x, Whole<T> w, Out<T> y) const {
    linear_forward<T>(at.shape, x.data, at.weight(w), at.bias(w), nullptr, y.data);
    relu_forward<T>(at.outputs(), y.data);
  }
};
/// u = x w + b, y = gelu(u)
template <class T>
struct LinearGeluForward {
  LinearPlace at;
  void operator()(In<T> x, Whole<T> w, Out<T> u, Out<T> y) const {
    linear_forward<T>(at.shape, x.data, at.weight(w), at.bias(w), nullptr, u.data);
    gelu_forward<T>(at.outputs(), u.data, y.data);
  }
};

/// Without an activation: dw and db, and dx unless it is not wanted.
template <class T>
struct LinearBackward {
  LinearPlace at;
  void operator()(In<T> x, In<T> dy, Whole<T> w, InOut<T> g, Out<T> dx) const {
    weight(x, dy, g);
    linear_backward_input<T>(at.shape, dy.data, at.weight(w), Into::write, dx.data);
  }
  void weight(const In<T>& x, const In<T>& dy, const InOut<T>& g) const {
    linear_backward_weight<T>(at.shape, x.data, dy.data, Into::write, g.data + at.w,
                              at.b < 0 ? nullptr : g.data + at.b);
  }
};
template <class T>
struct LinearBackwardFirst {
  LinearPlace at;
  void operator()(In<T> x, In<T> dy, InOut<T> g) const { LinearBackward<T>{at}.weight(x, dy, g); }
};

/// With an activation: `from` is what its derivative is computed from, y of ReLU and u of GELU. dy is
/// overwritten by the derivative before the activation.
template <class T, Activation activation>
struct ActivatedBackward {
  LinearPlace at;
  void operator()(In<T> x, In<T> from, InOut<T> dy, Whole<T> w, InOut<T> g, Out<T> dx) const {
    weight(x, from, dy, g);
    linear_backward_input<T>(at.shape, dy.data, at.weight(w), Into::write, dx.data);
  }
  void weight(const In<T>& x, const In<T>& from, const InOut<T>& dy, const InOut<T>& g) const {
    if constexpr (activation == Activation::relu)
      bias_relu_backward<T>(at.outputs(), from.data, dy.data, dy.data, g.data + at.b);
    else
      bias_gelu_backward<T>(at.outputs(), from.data, dy.data, dy.data, g.data + at.b);
    linear_backward_weight<T>(at.shape, x.data, dy.data, Into::write, g.data + at.w, nullptr);
  }
};
template <class T, Activation activation>
struct ActivatedBackwardFirst {
  LinearPlace at;
  void operator()(In<T> x, In<T> from, InOut<T> dy, InOut<T> g) const {
    ActivatedBackward<T, activation>{at}.weight(x, from, dy, g);
  }
};

// ---- layer norm ---------------------------------------------------------------------------------------

struct LayerNormPlace {
  RowsShape shape;
  std::int64_t gain = 0;
  std::int64_t bias = 0;
};

template <class T>
struct LayerNormForward {
  LayerNormPlace at;
  void operator()(In<T> x, Whole<T> w, Out<T> y, Out<T> statistics) const {
    layer_norm_forward<T>(at.shape, x.data, w.data() + at.gain, w.data() + at.bias, y.data, statistics.data);
  }
};
/// dx = ...
template <class T>
struct LayerNormBackward {
  LayerNormPlace at;
  void operator()(In<T> x, In<T> statistics, In<T> dy, Whole<T> w, InOut<T> g, Out<T> dx) const {
    layer_norm_backward<T>(at.shape, x.data, w.data() + at.gain, statistics.data, dy.data, Into::write,
                           dx.data, g.data + at.gain, g.data + at.bias);
  }
};
/// dx += ...
template <class T>
struct LayerNormBackwardAdd {
  LayerNormPlace at;
  void operator()(In<T> x, In<T> statistics, In<T> dy, Whole<T> w, InOut<T> g, InOut<T> dx) const {
    layer_norm_backward<T>(at.shape, x.data, w.data() + at.gain, statistics.data, dy.data, Into::add, dx.data,
                           g.data + at.gain, g.data + at.bias);
  }
};

// ---- attention ----------------------------------------------------------------------------------------

template <class T>
struct AttentionForward {
  AttentionShape shape;
  void operator()(In<T> qkv, Out<T> y, Out<T> log_sums) const {
    attention_forward<T>(shape, qkv.data, y.data, log_sums.data);
  }
};
template <class T>
struct AttentionBackward {
  AttentionShape shape;
  void operator()(In<T> qkv, In<T> y, In<T> log_sums, In<T> dy, Out<T> dqkv) const {
    attention_backward<T>(shape, qkv.data, y.data, log_sums.data, dy.data, dqkv.data);
  }
};

// ---- embedding ----------------------------------------------------------------------------------------

struct EmbeddingPlace {
  EmbeddingShape shape;
  std::int64_t token = 0;
  std::int64_t position = 0;
};

template <class T>
struct EmbeddingForward {
  EmbeddingPlace at;
  void operator()(In<std::int32_t> tokens, Whole<T> w, Out<T> x) const {
    embedding_forward<T>(at.shape, tokens.data, w.data() + at.token, w.data() + at.position, x.data);
  }
};
/// Adds to the gradient of the token embedding, writes that of the positions.
template <class T>
struct EmbeddingBackward {
  EmbeddingPlace at;
  void operator()(In<std::int32_t> tokens, In<T> dx, InOut<T> g) const {
    embedding_backward<T>(at.shape, tokens.data, dx.data, Into::add, g.data + at.token, g.data + at.position);
  }
};

// ---- images -------------------------------------------------------------------------------------------

struct ConvolutionPlace {
  ConvolutionShape shape;
  std::int64_t w = 0;
  std::int64_t b = 0;
  PlanesShape outputs() const {
    return {shape.images, shape.filters, shape.out_height() * shape.out_width()};
  }
};

/// y = relu(convolution of x)
template <class T>
struct ConvolutionReluForward {
  ConvolutionPlace at;
  void operator()(In<T> x, Whole<T> w, Out<T> y) const {
    convolution_forward<T>(at.shape, x.data, w.data() + at.w, nullptr, y.data);
    channel_relu_forward<T>(at.outputs(), w.data() + at.b, y.data);
  }
};
/// dy is overwritten by the derivative before ReLU.
template <class T>
struct ConvolutionReluBackward {
  ConvolutionPlace at;
  void operator()(In<T> x, In<T> y, InOut<T> dy, Whole<T> w, InOut<T> g, Out<T> dx) const {
    weight(x, y, dy, g);
    convolution_backward_input<T>(at.shape, dy.data, w.data() + at.w, dx.data);
  }
  void weight(const In<T>& x, const In<T>& y, const InOut<T>& dy, const InOut<T>& g) const {
    channel_relu_backward<T>(at.outputs(), y.data, dy.data, dy.data, g.data + at.b);
    convolution_backward_weight<T>(at.shape, x.data, dy.data, g.data + at.w, nullptr);
  }
};
template <class T>
struct ConvolutionReluBackwardFirst {
  ConvolutionPlace at;
  void operator()(In<T> x, In<T> y, InOut<T> dy, InOut<T> g) const {
    ConvolutionReluBackward<T>{at}.weight(x, y, dy, g);
  }
};

template <class T>
struct MaxPoolForward {
  PoolShape shape;
  void operator()(In<T> x, Out<T> y) const { max_pool_forward<T>(shape, x.data, y.data); }
};
template <class T>
struct MaxPoolBackward {
  PoolShape shape;
  void operator()(In<T> x, In<T> dy, Out<T> dx) const {
    max_pool_backward<T>(shape, x.data, dy.data, dx.data);
  }
};

// ---- loss ---------------------------------------------------------------------------------------------

/// The rows' part of the mean loss over `total` rows; the logits become their derivatives.
template <class T>
struct CrossEntropy {
  RowsShape shape;
  double total = 1;
  double operator()(In<std::int32_t> labels, InOut<T> logits) const {
    return softmax_cross_entropy<T>(shape, logits.data, labels.data, 1 / total, logits.data) / total;
  }
};
/// The sum of the rows' losses alone.
template <class T>
struct LossOfRows {
  RowsShape shape;
  double operator()(In<std::int32_t> labels, In<T> logits) const {
    return softmax_cross_entropy<T>(shape, logits.data, labels.data, 1, nullptr);
  }
};
template <class T>
struct CountCorrect {
  RowsShape shape;
  std::int64_t operator()(In<std::int32_t> labels, In<T> logits) const {
    return count_correct<T>(shape, logits.data, labels.data);
  }
};

}  // namespace tutti::kernels::nn
