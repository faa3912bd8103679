#include <algorithm>

#include "kernels/nn/nn.hpp"
#include "kernels/nn/pool_window.hpp"

namespace tutti::kernels::nn {
namespace {

/// window(x of its first value, y's index) for all windows, in order.
template <class Window>
void each_window(const PoolShape& s, const Window& window) {
  std::int64_t out = 0;
  for (std::int64_t p = 0; p < s.planes; ++p)
    for (std::int64_t i = 0; i < s.out_height(); ++i)
      for (std::int64_t j = 0; j < s.out_width(); ++j, ++out)
        window((p * s.height + i * s.stride) * s.width + j * s.stride, out);
}

template <class T>
void clear(const PoolShape& s, T* dx) {
  std::fill(dx, dx + s.planes * s.height * s.width, T(0));
}

}  // namespace

template <class T>
void max_pool_forward(const PoolShape& shape, const T* x, T* y) {
  each_window(shape,
              [&](std::int64_t first, std::int64_t out) { y[out] = x[first_greatest(shape, x, first)]; });
}

template <class T>
void max_pool_backward(const PoolShape& shape, const T* x, const T* dy, T* dx) {
  clear(shape, dx);
  each_window(shape,
              [&](std::int64_t first, std::int64_t out) { dx[first_greatest(shape, x, first)] += dy[out]; });
}

template <class T>
void average_pool_forward(const PoolShape& shape, const T* x, T* y) {
  const T share = T(1) / static_cast<T>(shape.window * shape.window);
  each_window(shape, [&](std::int64_t first, std::int64_t out) {
    T sum = 0;
    for (std::int64_t a = 0; a < shape.window; ++a)
      for (std::int64_t b = 0; b < shape.window; ++b) sum += x[first + a * shape.width + b];
    y[out] = share * sum;
  });
}

template <class T>
void average_pool_backward(const PoolShape& shape, const T* dy, T* dx) {
  const T share = T(1) / static_cast<T>(shape.window * shape.window);
  clear(shape, dx);
  each_window(shape, [&](std::int64_t first, std::int64_t out) {
    for (std::int64_t a = 0; a < shape.window; ++a)
      for (std::int64_t b = 0; b < shape.window; ++b) dx[first + a * shape.width + b] += share * dy[out];
  });
}

template void max_pool_forward(const PoolShape&, const float*, float*);
template void max_pool_backward(const PoolShape&, const float*, const float*, float*);
template void average_pool_forward(const PoolShape&, const float*, float*);
template void average_pool_backward(const PoolShape&, const float*, float*);
template void max_pool_forward(const PoolShape&, const double*, double*);
template void max_pool_backward(const PoolShape&, const double*, const double*, double*);
template void average_pool_forward(const PoolShape&, const double*, double*);
template void average_pool_backward(const PoolShape&, const double*, double*);

}  // namespace tutti::kernels::nn
