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

  /// `at` is an index or several (lanes.hpp), `gradient` the value or values there. Not decays: weight_decay
  /// is 0, which saves a third of the operations.
  template <bool decays = true, class At, class V>
  [[gnu::always_inline]] void operator()(const At& at, const V& gradient, T* velocity, T* w) const {
    const V before = at(w);
    const V slope = decays ? gradient + weight_decay * before : gradient;
    const V v = momentum * at(velocity) + slope;
    const V normal = without_subnormals(v);
    at.set(velocity, normal);
    at.set(w, before - rate * normal);
  }
};

}  // namespace tutti::kernels::nn
