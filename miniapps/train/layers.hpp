// Layers: each records what it does to its shard's activations, forward and backward. Shapes are those of one
// shard; the arithmetic is in kernels/nn.
//
// A backward pass reads the derivative of the layer's output and writes that of its input and, into the
// gradient of its parameters' group, the shard's part. Derivative arrays may serve several layers in turn.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <tutti/tutti.hpp>

#include "kernels/nn/functors.hpp"
#include "miniapps/train/parameters.hpp"

template <class T>
class Layer {
 public:
  virtual ~Layer() = default;
  virtual void forward(tutti::Recorder& r, const tutti::Shards& shards, const Parameters<T>& p) const = 0;
  virtual void backward(tutti::Recorder& r, const tutti::Shards& shards, const Parameters<T>& p,
                        GradientsDone<T>& done) const = 0;
  /// Operations of the forward pass on one shard that matrix products (attention's, too) consist of.
  virtual double product_flops() const { return 0; }
  /// The same of the backward pass.
  virtual double backward_product_flops() const { return 2 * product_flops(); }
};

template <class T>
using LayerPointer = std::unique_ptr<Layer<T>>;

/// Where a layer's tensors are.
struct UnitPart {
  std::uint32_t unit = 0;
  std::size_t first = 0;  ///< its first tensor in the unit
  bool is_last = true;    ///< nothing recorded later in the backward pass adds to the unit's gradient
};

using nn::Activation;

template <class T>
struct LinearOptions {
  nn::LinearShape shape;
  UnitPart part;         ///< w, and b unless `has_bias` is false
  bool has_bias = true;  ///< with an activation there is always one
  tutti::Sharded<T> x, y;
  tutti::Sharded<T> dy;                         ///< with an activation it is overwritten
  std::optional<tutti::Sharded<T>> dx{};        ///< none: not wanted
  std::optional<tutti::Sharded<T>> residual{};  ///< added to y; only without an activation
  Activation activation = Activation::none;
  std::optional<tutti::Sharded<T>> u{};  ///< gelu: what it is applied to
};
/// y = activation(x w + b) or x w + b + residual.
template <class T>
LayerPointer<T> make_linear(const LinearOptions<T>& options);

/// y = x through dense layers with ReLU between, as one task per shard: for layers whose `units` are in group
/// 0. `trace` is nn::DenseStack's. Backward: from the derivatives that y holds then; none of x.
template <class T>
LayerPointer<T> make_dense_stack(const nn::DenseStack& stack, const std::vector<std::uint32_t>& units,
                                 const tutti::Sharded<T>& x, const tutti::Sharded<T>& trace,
                                 const tutti::Sharded<T>& y);

/// y = layer norm of x (gain, bias). Backward: dx += ..., from dy.
template <class T>
LayerPointer<T> make_layer_norm(const nn::RowsShape& shape, const UnitPart& part, const tutti::Sharded<T>& x,
                                const tutti::Sharded<T>& y, const tutti::Sharded<T>& statistics,
                                const tutti::Sharded<T>& dy, const tutti::Sharded<T>& dx, nn::Into into);

/// y = attention of qkv.
template <class T>
LayerPointer<T> make_attention(const nn::AttentionShape& shape, const tutti::Sharded<T>& qkv,
                               const tutti::Sharded<T>& y, const tutti::Sharded<T>& log_sums,
                               const tutti::Sharded<T>& dy, const tutti::Sharded<T>& dqkv);

/// x = token and position embeddings. The gradient of the token embedding is added to what is there.
template <class T>
LayerPointer<T> make_embedding(const nn::EmbeddingShape& shape, const UnitPart& part,
                               const tutti::Sharded<std::int32_t>& tokens, const tutti::Sharded<T>& x,
                               const tutti::Sharded<T>& dx);

/// y = relu(convolution of x). dy is overwritten; `dx` none: not wanted.
template <class T>
LayerPointer<T> make_convolution(const nn::ConvolutionShape& shape, const UnitPart& part,
                                 const tutti::Sharded<T>& x, const tutti::Sharded<T>& y,
                                 const tutti::Sharded<T>& dy, const std::optional<tutti::Sharded<T>>& dx);

/// y = the greatest values of x in windows.
template <class T>
LayerPointer<T> make_max_pool(const nn::PoolShape& shape, const tutti::Sharded<T>& x,
                              const tutti::Sharded<T>& y, const tutti::Sharded<T>& dy,
                              const tutti::Sharded<T>& dx);
