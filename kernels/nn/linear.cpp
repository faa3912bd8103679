#include <algorithm>

#include "kernels/nn/column_sums.hpp"
#include "kernels/nn/gemm.hpp"

namespace tutti::kernels::nn {
namespace {

template <class T>
Factor<T> weights(const LinearShape& s, const T* w) {
  return {w, s.transposed ? s.in : s.out, s.transposed};
}

}  // namespace

template <class T>
void linear_forward(const LinearShape& s, const T* x, const T* w, const T* b, const T* residual, T* y) {
  gemm(s.rows, s.out, s.in, {x, s.in, false}, weights(s, w), {residual, s.out, b}, y, s.out);
}

template <class T>
void linear_backward_input(const LinearShape& s, const T* dy, const T* w, Into into, T* dx) {
  Factor<T> transposed = weights(s, w);
  transposed.transposed = !transposed.transposed;
  gemm(s.rows, s.in, s.out, {dy, s.out, false}, transposed, plus(into, dx, s.in), dx, s.in);
}

template <class T>
void linear_backward_weight(const LinearShape& s, const T* x, const T* dy, Into into, T* dw, T* db) {
  if (s.transposed)
    gemm(s.out, s.in, s.rows, {dy, s.out, true}, {x, s.in, false}, plus(into, dw, s.in), dw, s.in);
  else
    gemm(s.in, s.out, s.rows, {x, s.in, true}, {dy, s.out, false}, plus(into, dw, s.out), dw, s.out);
  if (db == nullptr) return;
  if (into == Into::write) std::fill(db, db + s.out, T(0));
  add_column_sums({s.rows, s.out}, dy, db);
}

template void linear_forward(const LinearShape&, const float*, const float*, const float*, const float*,
                             float*);
template void linear_backward_input(const LinearShape&, const float*, const float*, Into, float*);
template void linear_backward_weight(const LinearShape&, const float*, const float*, Into, float*, float*);
template void linear_forward(const LinearShape&, const double*, const double*, const double*, const double*,
                             double*);
template void linear_backward_input(const LinearShape&, const double*, const double*, Into, double*);
template void linear_backward_weight(const LinearShape&, const double*, const double*, Into, double*,
                                     double*);

}  // namespace tutti::kernels::nn
