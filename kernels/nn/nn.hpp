// Arithmetic of neural nets, forward and backward, on plain arrays: one shard of a batch and whole
// parameters.
//
// Arrays are dense and row-major; [a x b] has b contiguous. T is float, or double for checks. A derivative of
// the loss has the name of its variable with a d in front. Everything is safe to call from several threads at
// once, calls nothing that starts threads, and gives the same bits for the same shape and input. Scratch
// memory belongs to the thread and grows in its first calls. Arrays that a call writes must not overlap
// others of it, unless it says so.
//
// clang-format off
//   layer              forward                  backward                              flops, forward
//   linear             linear_forward           linear_backward_input, _weight        2 rows in out
//   ReLU               relu_forward             bias_relu_backward                    1 a value
//   GELU               gelu_forward             bias_gelu_backward                    about 30 a value
//   layer norm         layer_norm_forward       layer_norm_backward                   about 7 a value
//   cross-entropy      softmax_cross_entropy (both)                                   about 30 a logit
//   convolution        convolution_forward      convolution_backward_input, _weight   2 outputs channels kernel^2
//   pooling            max_pool_forward, ...    max_pool_backward, ...                window^2 an output
//   embedding          embedding_forward        embedding_backward                    1 a value
//   causal attention   attention_forward        attention_backward                    2 sequences T (T + 1) width
// clang-format on
// A backward pass of linear and convolution takes twice the flops of the forward pass, that of attention 2.5
// times.
#pragma once

#include <cstdint>

namespace tutti::kernels::nn {

/// What becomes of the values that an output has before the call.
enum class Into : std::uint8_t {
  write,  ///< replaced; they may be undefined
  add,    ///< the result is added to them
};

/// A matrix of `rows` x `columns` values.
struct RowsShape {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
};

// ---- linear
// ----------------------------------------------------------------------------------------------------

struct LinearShape {
  std::int64_t rows = 0;
  std::int64_t in = 0;
  std::int64_t out = 0;
  bool transposed = false;  ///< w and dw are [out x in] (tied embeddings) instead of [in x out]
  [[nodiscard]] double flops() const {
    return 2.0 * static_cast<double>(rows) * static_cast<double>(in) * static_cast<double>(out);
  }
};

/// y = x w + b + residual. x [rows x in], w [in x out], b [out] or null, residual [rows x out] or null,
/// y [rows x out]; y may be `residual`.
template <class T>
void linear_forward(const LinearShape& shape, const T* x, const T* w, const T* b, const T* residual, T* y);
/// dx = dy w^T (or dx += ...). dy [rows x out], dx [rows x in].
template <class T>
void linear_backward_input(const LinearShape& shape, const T* dy, const T* w, Into into, T* dx);
/// dw = x^T dy, db = the sums of dy's columns (or dw += ..., db += ...). db may be null.
template <class T>
void linear_backward_weight(const LinearShape& shape, const T* x, const T* dy, Into into, T* dw, T* db);

// ---- activations
// -----------------------------------------------------------------------------------------------

/// y = max(y, 0) in place.
template <class T>
void relu_forward(const RowsShape& shape, T* y);
/// du = dy where y > 0, else 0; db = the sums of du's columns (null: not wanted). du may be dy.
template <class T>
void bias_relu_backward(const RowsShape& shape, const T* y, const T* dy, T* du, T* db);

/// y = gelu(u) = u / 2 (1 + tanh(sqrt(2 / pi) (u + 0.044715 u^3))) (Hendrycks and Gimpel, arXiv:1606.08415).
/// y may not be u: the backward pass reads u.
template <class T>
void gelu_forward(const RowsShape& shape, const T* u, T* y);
/// du = dy gelu'(u); db = the sums of du's columns (null: not wanted). du may be dy.
template <class T>
void bias_gelu_backward(const RowsShape& shape, const T* u, const T* dy, T* du, T* db);

/// y = a + b, n values. y may be a or b.
template <class T>
void add(std::int64_t n, const T* a, const T* b, T* y);

// ---- layer norm
// ------------------------------------------------------------------------------------------------

inline constexpr double layer_norm_epsilon = 1e-5;

/// y = gain (x - mean) rstd + bias for each row, with rstd = 1 / sqrt(variance + layer_norm_epsilon); the
/// variance divides by `columns` (Ba, Kiros and Hinton, arXiv:1607.06450). gain, bias [columns]; statistics
/// [rows x 2] receives mean and rstd.
template <class T>
void layer_norm_forward(const RowsShape& shape, const T* x, const T* gain, const T* bias, T* y,
                        T* statistics);
/// dx (or dx += ...), and dgain, dbias [columns], which are written.
template <class T>
void layer_norm_backward(const RowsShape& shape, const T* x, const T* gain, const T* statistics, const T* dy,
                         Into into, T* dx, T* dgain, T* dbias);

// ---- softmax with cross-entropy
// --------------------------------------------------------------------------------

/// Returns the sum over rows of log(sum exp(logits)) - logits[label], formed in a fixed order, and writes
/// dlogits = scale (softmax(logits) - one-hot(label)); scale is 1 / rows of the whole batch for a mean loss.
/// Shape: rows x classes. dlogits may be logits, or null where only the loss is wanted. A row whose label is
/// negative has no loss and derivative 0; labels must be < columns.
template <class T>
double softmax_cross_entropy(const RowsShape& shape, const T* logits, const std::int32_t* labels,
                             double scale, T* dlogits);
/// Rows whose greatest logit (the first of equal ones) is at the label.
template <class T>
std::int64_t count_correct(const RowsShape& shape, const T* logits, const std::int32_t* labels);

// ---- convolution and pooling
// -----------------------------------------------------------------------------------

/// Images are [images x channels x height x width]; the kernel is square.
struct ConvolutionShape {
  std::int64_t images = 0;
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t filters = 0;
  std::int64_t kernel = 1;
  std::int64_t padding = 0;  ///< zeros on every side
  std::int64_t stride = 1;
  [[nodiscard]] constexpr std::int64_t out_height() const {
    return (height + 2 * padding - kernel) / stride + 1;
  }
  [[nodiscard]] constexpr std::int64_t out_width() const {
    return (width + 2 * padding - kernel) / stride + 1;
  }
  [[nodiscard]] constexpr std::int64_t taps() const { return channels * kernel * kernel; }
  [[nodiscard]] double flops() const {
    return 2.0 * static_cast<double>(images * filters) * static_cast<double>(out_height() * out_width()) *
           static_cast<double>(taps());
  }
};

/// y[n, f, i, j] = b[f] + sum over c, p, q of w[f, c, p, q] x[n, c, i stride + p - padding, j stride + q -
/// padding]. w [filters x channels x kernel x kernel], b [filters] or null, y [images x filters x out_height
/// x out_width].
template <class T>
void convolution_forward(const ConvolutionShape& shape, const T* x, const T* w, const T* b, T* y);
template <class T>
void convolution_backward_input(const ConvolutionShape& shape, const T* dy, const T* w, T* dx);
/// dw, db (null: not wanted) are written.
template <class T>
void convolution_backward_weight(const ConvolutionShape& shape, const T* x, const T* dy, T* dw, T* db);

/// Activations of convolutions: `images` x `channels` planes of `values` each, one bias per channel.
struct PlanesShape {
  std::int64_t images = 0;
  std::int64_t channels = 0;
  std::int64_t values = 0;
};
/// As bias_relu_*, with b and db [channels].
template <class T>
void channel_relu_forward(const PlanesShape& shape, const T* b, T* y);
template <class T>
void channel_relu_backward(const PlanesShape& shape, const T* y, const T* dy, T* du, T* db);

/// Windows of window x window values of `planes` planes (images x channels); those at the end that do not fit
/// are left out.
struct PoolShape {
  std::int64_t planes = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t window = 2;
  std::int64_t stride = 2;
  [[nodiscard]] constexpr std::int64_t out_height() const { return (height - window) / stride + 1; }
  [[nodiscard]] constexpr std::int64_t out_width() const { return (width - window) / stride + 1; }
};
/// x [planes x height x width], y [planes x out_height x out_width].
template <class T>
void max_pool_forward(const PoolShape& shape, const T* x, T* y);
/// The derivative goes to the first greatest value of a window, in row-major order. dx is written.
template <class T>
void max_pool_backward(const PoolShape& shape, const T* x, const T* dy, T* dx);
template <class T>
void average_pool_forward(const PoolShape& shape, const T* x, T* y);
template <class T>
void average_pool_backward(const PoolShape& shape, const T* dy, T* dx);

// ---- embedding
// -------------------------------------------------------------------------------------------------

struct EmbeddingShape {
  std::int64_t sequences = 0;
  std::int64_t context = 0;  ///< tokens of a sequence
  std::int64_t width = 0;
  std::int64_t vocabulary = 0;
};
/// x[s, t] = token[tokens[s, t]] + position[t]. tokens [sequences x context], each in [0, vocabulary);
/// token [vocabulary x width], position [context x width], x [sequences x context x width].
template <class T>
void embedding_forward(const EmbeddingShape& shape, const std::int32_t* tokens, const T* token,
                       const T* position, T* x);
/// `into` holds for dtoken (tied weights have a part from the logits); dposition is written.
template <class T>
void embedding_backward(const EmbeddingShape& shape, const std::int32_t* tokens, const T* dx, Into into,
                        T* dtoken, T* dposition);

// ---- causal attention
// ------------------------------------------------------------------------------------------

struct AttentionShape {
  std::int64_t sequences = 0;
  std::int64_t context = 0;  ///< T, tokens of a sequence
  std::int64_t heads = 0;
  std::int64_t head_width = 0;  ///< width / heads
  [[nodiscard]] constexpr std::int64_t width() const { return heads * head_width; }
  /// Products of the causal half alone: q k^T and p v.
  [[nodiscard]] double flops() const {
    return 2.0 * static_cast<double>(sequences * context) * static_cast<double>(context + 1) *
           static_cast<double>(width());
  }
};
/// y = softmax(q k^T / sqrt(head_width)) v for each head, token t seeing tokens 0 ... t. Works on a few
/// rows or columns of scores at a time, so memory grows with T, not with T^2, and computes them again for the
/// backward pass (Dao et al., FlashAttention, arXiv:2205.14135). qkv [sequences x T x 3 width]: a token's q,
/// then k, then v, each [heads x head_width]; y [sequences x T x width]; log_sums [sequences x heads x T]
/// receives log(sum exp(scores)) for the backward pass.
template <class T>
void attention_forward(const AttentionShape& shape, const T* qkv, T* y, T* log_sums);
/// dqkv [sequences x T x 3 width] is written; the scores are computed again.
template <class T>
void attention_backward(const AttentionShape& shape, const T* qkv, const T* y, const T* log_sums, const T* dy,
                        T* dqkv);

// ---- optimisers
// ------------------------------------------------------------------------------------------------ On any
// segment of n parameters: no value depends on another, so a segment may begin and end anywhere. `scale`
// multiplies the gradient first (1 / samples, or what clip_scale() returns).

struct Sgd {
  double momentum = 0;
  double weight_decay = 0;
};
/// g = scale gradient + weight_decay w; velocity = momentum velocity + g; w -= learning_rate velocity.
/// velocity may be null if momentum is 0.
template <class T>
void sgd_step(const Sgd& sgd, double learning_rate, double scale, std::int64_t n, const T* gradient,
              T* velocity, T* w);

struct AdamW {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.01;
};
/// Adam with decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101). `step` counts from 1;
/// m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, w -= learning_rate (weight_decay w +
/// m / (1 - beta1^step) / (sqrt(v / (1 - beta2^step)) + epsilon)).
template <class T>
void adamw_step(const AdamW& adamw, double learning_rate, std::int64_t step, double scale, std::int64_t n,
                const T* gradient, T* m, T* v, T* w);

/// The sum of g^2 over n values, formed in double in a fixed order.
template <class T>
double sum_of_squares(std::int64_t n, const T* g);
/// What a gradient with this sum of squares is multiplied by so that its norm is at most max_norm; 1 if it is
/// already, or if max_norm is 0.
double clip_scale(double sum_of_squares, double max_norm);

}  // namespace tutti::kernels::nn
