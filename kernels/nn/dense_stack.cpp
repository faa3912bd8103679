#include "kernels/nn/dense_stack.hpp"

#include <algorithm>

#include "kernels/nn/gemm.hpp"

namespace tutti::kernels::nn {

template <class T>
void DenseStackForward<T>::operator()(In<T> x, Whole<T> w, Out<T> hidden, Out<T> y) const {
  const T* from = x.data;
  T* to = hidden.data;
  for (std::size_t l = 0; l + 1 < stack.layers.size(); ++l) {
    const LinearPlace& at = stack.layers[l];
    linear_forward<T>(at.shape, from, at.weight(w), nullptr, nullptr, to);
    bias_relu_forward<T>(at.outputs(), at.bias(w), to);
    from = to;
    to += DenseStack::outputs(at);
  }
  const LinearPlace& last = stack.layers.back();
  linear_forward<T>(last.shape, from, last.weight(w), last.bias(w), nullptr, y.data);
}

template <class T>
void DenseStackBackward<T>::operator()(In<T> x, In<T> hidden, In<T> dy, Whole<T> w, InOut<T> g) const {
  std::int64_t widest = 0;
  for (const LinearPlace& at : stack.layers) widest = std::max(widest, DenseStack::outputs(at));
  T* const scratch_dy = scratch<T>(slot_stack, 2 * widest);
  const T* output_dy = dy.data;
  const T* input = hidden.data + stack.hidden();
  for (std::size_t l = stack.layers.size(); l-- > 0;) {
    const LinearPlace& at = stack.layers[l];
    T* const db = l + 1 == stack.layers.size() ? g.data + at.b : nullptr;  // else with its activation
    if (l == 0) {
      linear_backward_weight<T>(at.shape, x.data, output_dy, Into::write, g.data + at.w, db);
      return;
    }
    const LinearPlace& before = stack.layers[l - 1];
    input -= DenseStack::outputs(before);
    linear_backward_weight<T>(at.shape, input, output_dy, Into::write, g.data + at.w, db);
    T* const input_dy = scratch_dy + (l % 2 == 0 ? widest : 0);
    linear_backward_input<T>(at.shape, output_dy, at.weight(w), Into::write, input_dy);
    bias_relu_backward<T>(before.outputs(), input, input_dy, input_dy, g.data + before.b);
    output_dy = input_dy;
  }
}

template struct DenseStackForward<float>;
template struct DenseStackBackward<float>;
template struct DenseStackForward<double>;
template struct DenseStackBackward<double>;

}  // namespace tutti::kernels::nn
