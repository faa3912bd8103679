#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/nn/nn.hpp"
#include "kernels/nn/sgd_rule.hpp"
#include "kernels/nn/updates.hpp"

namespace tutti::kernels::nn {

double RateSchedule::at(std::int64_t step) const {
  if (step < warm_up) return peak * static_cast<double>(step + 1) / static_cast<double>(warm_up);
  if (last == 1 || steps <= warm_up) return peak;
  const double part =
      std::min(1.0, static_cast<double>(step - warm_up) / static_cast<double>(steps - warm_up));
  return peak * (last + (1 - last) * (1 + std::cos(std::numbers::pi * part)) / 2);
}

template <class T>
void sgd_step(const Sgd& sgd, double learning_rate, double scale, std::int64_t n, const T* gradient,
              T* velocity, T* w) {
  const auto factor = static_cast<T>(scale);
  const SgdRule<T> rule{static_cast<T>(learning_rate), static_cast<T>(sgd.momentum),
                        static_cast<T>(sgd.weight_decay)};
  if (velocity == nullptr) {
    TUTTI_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i)
      w[i] -= rule.rate * (factor * gradient[i] + rule.weight_decay * w[i]);
    return;
  }
  if (rule.weight_decay == 0)
    each_in_lanes<T>(
        n, [&](auto at) { rule.template operator()<false>(at, factor * at(gradient), velocity, w); });
  else
    each_in_lanes<T>(n, [&](auto at) { rule(at, factor * at(gradient), velocity, w); });
}

template <class T>
void adamw_step(const AdamW& adamw, double learning_rate, std::int64_t step, double scale, std::int64_t n,
                const T* gradient, T* m, T* v, T* w) {
  const auto count = static_cast<double>(step);
  const auto factor = static_cast<T>(scale);
  const auto beta1 = static_cast<T>(adamw.beta1);
  const auto rest1 = static_cast<T>(1 - adamw.beta1);
  const auto beta2 = static_cast<T>(adamw.beta2);
  const auto rest2 = static_cast<T>(1 - adamw.beta2);
  const auto epsilon = static_cast<T>(adamw.epsilon);
  const auto rate = static_cast<T>(learning_rate / (1 - std::pow(adamw.beta1, count)));
  const auto unbias2 = static_cast<T>(1 / (1 - std::pow(adamw.beta2, count)));
  const auto keep = static_cast<T>(1 - learning_rate * adamw.weight_decay);
  TUTTI_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) {
    const T g = factor * gradient[i];
    m[i] = beta1 * m[i] + rest1 * g;
    v[i] = beta2 * v[i] + rest2 * g * g;
    w[i] = keep * w[i] - rate * m[i] / (std::sqrt(unbias2 * v[i]) + epsilon);
  }
}

// A float's square is exact in double. 16 lanes: value i goes to lane i mod 16, in order; then the lanes in
// halves.
template <class T>
double sum_of_squares(std::int64_t n, const T* g) {
  constexpr std::int64_t lanes = 16;
  double lane[lanes] = {};
  const std::int64_t whole = n / lanes * lanes;
  for (std::int64_t i = 0; i < whole; i += lanes) {
    TUTTI_INDEPENDENT
    for (std::int64_t l = 0; l < lanes; ++l)
      lane[l] += static_cast<double>(g[i + l]) * static_cast<double>(g[i + l]);
  }
  for (std::int64_t i = whole; i < n; ++i)
    lane[i - whole] += static_cast<double>(g[i]) * static_cast<double>(g[i]);
  for (std::int64_t half = lanes / 2; half > 0; half /= 2)
    for (std::int64_t l = 0; l < half; ++l) lane[l] += lane[l + half];
  return lane[0];
}

double clip_scale(double sum_of_squares, double max_norm) {
  const double norm = std::sqrt(sum_of_squares);
  return max_norm > 0 && norm > max_norm ? max_norm / norm : 1;
}

template void sgd_step(const Sgd&, double, double, std::int64_t, const float*, float*, float*);
template void adamw_step(const AdamW&, double, std::int64_t, double, std::int64_t, const float*, float*,
                         float*, float*);
template double sum_of_squares(std::int64_t, const float*);
template void sgd_step(const Sgd&, double, double, std::int64_t, const double*, double*, double*);
template void adamw_step(const AdamW&, double, std::int64_t, double, std::int64_t, const double*, double*,
                         double*, double*);
template double sum_of_squares(std::int64_t, const double*);

}  // namespace tutti::kernels::nn
