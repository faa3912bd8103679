#include <algorithm>
#include <numbers>

#include "kernels/nn/lanes.hpp"
#include "kernels/nn/nn.hpp"

namespace tutti::kernels::nn {
namespace {

// gelu(u) = u s with s = e^2z / (1 + e^2z) = (1 + tanh z) / 2, 2z = u (slope + bend u^2).
constexpr double slope = 2 * 0.79788456080286535588;  // 2 sqrt(2 / pi)
constexpr double bend = slope * 0.044715;

constexpr std::int64_t ahead = 512;  // values that are fetched before their turn

// s, where e^2z is taken as a power of two
template <class T, class V>
V share(const V& u, const V& square) {
  const V zero{};
  const V power =
      u * multiply_add(zero + T(bend * std::numbers::log2e), square, zero + T(slope * std::numbers::log2e));
  const V e = power_of_two(smaller(zero + T(126), power));
  return e / (T(1) + e);
}

// V is T or a vector of T.
template <class T, class V>
V gelu(const V& u) {
  return u * share<T>(u, V(u * u));
}

// gelu'(u) = s + u s (1 - s) d(2z)/du. Beyond 12, s is 0 or 1 to any precision, and u^2 must not overflow.
template <class T, class V>
V gelu_derivative(const V& at) {
  const V zero{};
  const V u = greater(zero - T(12), smaller(zero + T(12), at));
  const V square = u * u;
  const V s = share<T>(u, square);
  const V rise = u * multiply_add(zero + T(3 * bend), square, zero + T(slope));
  return multiply_add(s * (T(1) - s), rise, s);
}

/// du = derivative(u, dy) and db = the sums of its columns, row by row.
template <class T, class Derivative>
void backward(const RowsShape& shape, const T* u, const T* dy, T* du, T* db, const Derivative& derivative) {
  if (db != nullptr) std::fill(db, db + shape.columns, T(0));
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    const T* const at_row = u + r * shape.columns;
    const T* const from = dy + r * shape.columns;
    T* const to = du + r * shape.columns;
    each_in_lanes<T>(shape.columns, [&](auto at) {
      fetch(at_row + at.index + ahead);
      const auto value = derivative(at(at_row), at(from));
      at.set(to, value);
      if (db != nullptr) at.set(db, at(db) + value);
    });
  }
}

}  // namespace

template <class T>
void relu_forward(const RowsShape& shape, T* y) {
  const std::int64_t n = shape.rows * shape.columns;
  for (std::int64_t i = 0; i < n; ++i) y[i] = y[i] > T(0) ? y[i] : T(0);
}

template <class T>
void bias_relu_backward(const RowsShape& shape, const T* y, const T* dy, T* du, T* db) {
  backward(shape, y, dy, du, db, []<class V>(const V& at, const V& from) {
    const V zero{};
    return at > zero ? from : zero;
  });
}

template <class T>
void gelu_forward(const RowsShape& shape, const T* u, T* y) {
  each_in_lanes<T>(shape.rows * shape.columns, [&](auto at) {
    fetch<Use::write>(y + at.index + ahead);
    at.set(y, gelu<T>(at(u)));
  });
}

template <class T>
void bias_gelu_backward(const RowsShape& shape, const T* u, const T* dy, T* du, T* db) {
  backward(shape, u, dy, du, db,
           []<class V>(const V& at, const V& from) -> V { return from * gelu_derivative<T>(at); });
}

template <class T>
void add(std::int64_t n, const T* a, const T* b, T* y) {
  TUTTI_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
}

template void relu_forward(const RowsShape&, float*);
template void bias_relu_backward(const RowsShape&, const float*, const float*, float*, float*);
template void gelu_forward(const RowsShape&, const float*, float*);
template void bias_gelu_backward(const RowsShape&, const float*, const float*, float*, float*);
template void add(std::int64_t, const float*, const float*, float*);
template void relu_forward(const RowsShape&, double*);
template void bias_relu_backward(const RowsShape&, const double*, const double*, double*, double*);
template void gelu_forward(const RowsShape&, const double*, double*);
template void bias_gelu_backward(const RowsShape&, const double*, const double*, double*, double*);
template void add(std::int64_t, const double*, const double*, double*);

}  // namespace tutti::kernels::nn
