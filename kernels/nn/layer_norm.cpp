#include <algorithm>
#include <cmath>

#include "kernels/nn/lanes.hpp"
#include "kernels/nn/nn.hpp"

namespace tutti::kernels::nn {

template <class T>
void layer_norm_forward(const RowsShape& shape, const T* x, const T* gain, const T* bias, T* y,
                        T* statistics) {
  const std::int64_t n = shape.columns;
  const T share = T(1) / static_cast<T>(n);
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    const T* const in = x + r * n;
    T* const out = y + r * n;
    const T mean = share * sum_in_lanes<T>(n, [&](auto at) { return at(in); });
    const T variance = share * sum_in_lanes<T>(n, [&](auto at) { return (at(in) - mean) * (at(in) - mean); });
    const T rstd = T(1) / std::sqrt(variance + static_cast<T>(layer_norm_epsilon));
    TUTTI_INDEPENDENT
    for (std::int64_t c = 0; c < n; ++c) out[c] = gain[c] * ((in[c] - mean) * rstd) + bias[c];
    statistics[2 * r] = mean;
    statistics[2 * r + 1] = rstd;
  }
}

// With h = (x - mean) rstd and g = gain dy: dx = rstd (g - mean(g) - h mean(g h)).
template <class T>
void layer_norm_backward(const RowsShape& shape, const T* x, const T* gain, const T* statistics, const T* dy,
                         Into into, T* dx, T* dgain, T* dbias) {
  const std::int64_t n = shape.columns;
  const T share = T(1) / static_cast<T>(n);
  std::fill(dgain, dgain + n, T(0));
  std::fill(dbias, dbias + n, T(0));
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    const T* const in = x + r * n;
    const T* const from = dy + r * n;
    T* const out = dx + r * n;
    const T mean = statistics[2 * r];
    const T rstd = statistics[2 * r + 1];
    const T mean_g = share * sum_in_lanes<T>(n, [&](auto at) { return at(gain) * at(from); });
    const T mean_gh =
        share * rstd * sum_in_lanes<T>(n, [&](auto at) { return at(gain) * at(from) * (at(in) - mean); });
    TUTTI_INDEPENDENT
    for (std::int64_t c = 0; c < n; ++c) {
      const T h = (in[c] - mean) * rstd;
      dgain[c] += from[c] * h;
      dbias[c] += from[c];
      const T value = rstd * (gain[c] * from[c] - mean_g - h * mean_gh);
      out[c] = into == Into::add ? out[c] + value : value;
    }
  }
}

template void layer_norm_forward(const RowsShape&, const float*, const float*, const float*, float*, float*);
template void layer_norm_backward(const RowsShape&, const float*, const float*, const float*, const float*,
                                  Into, float*, float*, float*);
template void layer_norm_forward(const RowsShape&, const double*, const double*, const double*, double*,
                                 double*);
template void layer_norm_backward(const RowsShape&, const double*, const double*, const double*,
                                  const double*, Into, double*, double*, double*);

}  // namespace tutti::kernels::nn
