#include "kernels/nn/dense_stack.hpp"

#include <algorithm>

namespace tutti::kernels::nn {

template <class T>
void DenseStackForward<T>::operator()(In<T> x, Whole<T> w, Out<T> trace, Out<T> y) const {
  T* from = trace.data;
  std::copy(x.data, x.data + x.extent(2), from);
  for (std::size_t l = 0; l + 1 < stack.layers.size(); ++l) {
    const LinearPlace& at = stack.layers[l];
    T* const to = from + DenseStack::inputs(at);
    linear_forward<T>(at.shape, from, at.weight(w), at.bias(w), nullptr, to);
    relu_forward<T>(at.outputs(), to);
    from = to;
  }
  const LinearPlace& last = stack.layers.back();
  linear_forward<T>(last.shape, from, last.weight(w), last.bias(w), nullptr, y.data);
}

template <class T>
void DenseStackBackward<T>::operator()(In<T> dy, Whole<T> w, InOut<T> trace) const {
  T* output_dy = trace.data + stack.derivative_at(stack.layers.size() - 1);
  const T* input = trace.data + stack.input_at(stack.layers.size() - 1);
  std::copy(dy.data, dy.data + DenseStack::outputs(stack.layers.back()), output_dy);
  for (std::size_t l = stack.layers.size(); --l > 0;) {
    const LinearPlace& at = stack.layers[l];
    const LinearPlace& before = stack.layers[l - 1];
    T* const input_dy = output_dy - DenseStack::outputs(before);
    linear_backward_input<T>(at.shape, output_dy, at.weight(w), Into::write, input_dy);
    bias_relu_backward<T>(before.outputs(), input, input_dy, input_dy, nullptr);
    output_dy = input_dy;
    input -= DenseStack::inputs(before);
  }
}

template <class T>
void DenseStackBackwardWhole<T>::operator()(In<T> dy, Whole<T> w, InOut<T> trace, Out<T> g) const {
  derivatives(dy, w, trace);
  const Input<T> own{{trace.data, 0, 0, trace.box}, {}};
  const ShardTree alone({0, 1});
  DenseStackGradient<T>{derivatives.stack, alone}(Inputs<T>{{&own, 1}}, {{0, 0, 0}, {1, 1, g.extent(2)}},
                                                  g.data);
}

template struct DenseStackForward<float>;
template struct DenseStackBackward<float>;
template struct DenseStackBackwardWhole<float>;
template struct DenseStackForward<double>;
template struct DenseStackBackward<double>;
template struct DenseStackBackwardWhole<double>;

}  // namespace tutti::kernels::nn
