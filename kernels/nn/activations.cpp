#include <algorithm>

#include "kernels/nn/nn.hpp"
#include "kernels/nn/simd.hpp"

namespace tutti::kernels::nn {
namespace {

// gelu(u) = u s with s = 1 / (1 + e^-2z) = (1 + tanh z) / 2, z = slope (u + cube u^3).
constexpr double slope = 0.79788456080286535588;  // sqrt(2 / pi)
constexpr double cube = 0.044715;

template <class T>
T gelu(T u) {
  const T z = T(slope) * u * (T(1) + T(cube) * u * u);
  return u / (T(1) + exponential(T(-2) * z));
}

// gelu'(u) = s + 2 u s (1 - s) dz/du. Beyond 12, s is 0 or 1 to any precision, and u^2 must not overflow.
template <class T>
T gelu_derivative(T at) {
  constexpr T far = 12;
  T u = at > far ? far : at;
  u = u < -far ? -far : u;
  const T square = u * u;
  const T z = T(slope) * u * (T(1) + T(cube) * square);
  const T dz = T(slope) * (T(1) + T(3 * cube) * square);
  const T s = T(1) / (T(1) + exponential(T(-2) * z));
  return s + T(2) * u * s * (T(1) - s) * dz;
}

template <class T, class Derivative>
void backward(const RowsShape& shape, const T* u, const T* dy, T* du, T* db, const Derivative& derivative) {
  if (db != nullptr) std::fill(db, db + shape.columns, T(0));
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    const T* const at = u + r * shape.columns;
    const T* const from = dy + r * shape.columns;
    T* const to = du + r * shape.columns;
    TUTTI_INDEPENDENT
    for (std::int64_t c = 0; c < shape.columns; ++c) to[c] = derivative(at[c], from[c]);
    if (db == nullptr) continue;
    TUTTI_INDEPENDENT
    for (std::int64_t c = 0; c < shape.columns; ++c) db[c] += to[c];
  }
}

}  // namespace

template <class T>
void bias_relu_forward(const RowsShape& shape, const T* b, T* y) {
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    T* const row = y + r * shape.columns;
    for (std::int64_t c = 0; c < shape.columns; ++c) {
      const T u = b == nullptr ? row[c] : row[c] + b[c];
      row[c] = u > T(0) ? u : T(0);
    }
  }
}

template <class T>
void bias_relu_backward(const RowsShape& shape, const T* y, const T* dy, T* du, T* db) {
  backward(shape, y, dy, du, db, [](T at, T from) { return at > T(0) ? from : T(0); });
}

template <class T>
void bias_gelu_forward(const RowsShape& shape, const T* b, T* u, T* y) {
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    T* const in = u + r * shape.columns;
    T* const out = y + r * shape.columns;
    if (b != nullptr) {
      TUTTI_INDEPENDENT
      for (std::int64_t c = 0; c < shape.columns; ++c) in[c] += b[c];
    }
    TUTTI_INDEPENDENT
    for (std::int64_t c = 0; c < shape.columns; ++c) out[c] = gelu(in[c]);
  }
}

template <class T>
void bias_gelu_backward(const RowsShape& shape, const T* u, const T* dy, T* du, T* db) {
  backward(shape, u, dy, du, db, [](T at, T from) { return from * gelu_derivative(at); });
}

template <class T>
void add(std::int64_t n, const T* a, const T* b, T* y) {
  TUTTI_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
}

#define TUTTI_NN_ACTIVATIONS(T)                                                   \
  template void bias_relu_forward(const RowsShape&, const T*, T*);                \
  template void bias_relu_backward(const RowsShape&, const T*, const T*, T*, T*); \
  template void bias_gelu_forward(const RowsShape&, const T*, T*, T*);            \
  template void bias_gelu_backward(const RowsShape&, const T*, const T*, T*, T*); \
  template void add(std::int64_t, const T*, const T*, T*);
TUTTI_NN_ACTIVATIONS(float)
TUTTI_NN_ACTIVATIONS(double)

}  // namespace tutti::kernels::nn
