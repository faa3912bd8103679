// SGD with momentum for one value or a vector of them, for loops over arrays and for registers.
#pragma once

#include "kernels/nn/lanes.hpp"

namespace tutti::kernels::nn {

/// velocity = momentum velocity + gradient + weight_decay w; w -= rate velocity. A velocity too small for a
/// normal number becomes 0: those of weights without gradients would come to stay there, and processors take
/// several times as long for them.
template <class T>
struct SgdRule {
  T rate;
  T momentum;
  T weight_decay;

  /// `at` is an index or several (simd.hpp), `gradient` the value or values there.
  template <class At, class V>
  [[gnu::always_inline]] void operator()(const At& at, const V& gradient, T* velocity, T* w) const {
    const V zero{}, before = at(w);
    const V decayed = multiply_add(zero + weight_decay, before, gradient);
    const V normal = without_subnormals(multiply_add(zero + momentum, at(velocity), decayed));
    at.set(velocity, normal);
    at.set(w, multiply_add(zero - rate, normal, before));
  }
};

}  // namespace tutti::kernels::nn
