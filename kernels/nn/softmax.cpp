#include <cmath>

#include "kernels/nn/lanes.hpp"
#include "kernels/nn/nn.hpp"

namespace tutti::kernels::nn {

template <class T>
double softmax_cross_entropy(const RowsShape& shape, const T* logits, const std::int32_t* labels,
                             double scale, T* dlogits) {
  double loss = 0;
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    const T* const in = logits + r * shape.columns;
    const std::int32_t label = labels[r];
    if (label < 0) {
      if (dlogits != nullptr)
        for (std::int64_t c = 0; c < shape.columns; ++c) dlogits[r * shape.columns + c] = T(0);
      continue;
    }
    const T top = greatest(shape.columns, in);
    const double at_label =
        static_cast<double>(in[label]) - static_cast<double>(top);  // before it is overwritten
    if (dlogits == nullptr) {
      const T sum = sum_in_lanes<T>(shape.columns, [&](auto at) { return exponential(at(in) - top); });
      loss += std::log(static_cast<double>(sum)) - at_label;
      continue;
    }
    T* const out = dlogits + r * shape.columns;
    each_in_lanes<T>(shape.columns, [&](auto at) { at.set(out, exponential(at(in) - top)); });
    const T sum = sum_in_lanes<T>(shape.columns, [&](auto at) { return at(out); });
    loss += std::log(static_cast<double>(sum)) - at_label;
    const T factor = static_cast<T>(scale) / sum;
    TUTTI_INDEPENDENT
    for (std::int64_t c = 0; c < shape.columns; ++c) out[c] *= factor;
    out[label] -= static_cast<T>(scale);
  }
  return loss;
}

template <class T>
std::int64_t count_correct(const RowsShape& shape, const T* logits, const std::int32_t* labels) {
  std::int64_t correct = 0;
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    const T* const row = logits + r * shape.columns;
    std::int64_t best = 0;
    for (std::int64_t c = 1; c < shape.columns; ++c)
      if (row[c] > row[best]) best = c;
    correct += best == labels[r] ? 1 : 0;
  }
  return correct;
}

template double softmax_cross_entropy(const RowsShape&, const float*, const std::int32_t*, double, float*);
template std::int64_t count_correct(const RowsShape&, const float*, const std::int32_t*);
template double softmax_cross_entropy(const RowsShape&, const double*, const std::int32_t*, double, double*);
template std::int64_t count_correct(const RowsShape&, const double*, const std::int32_t*);

}  // namespace tutti::kernels::nn
