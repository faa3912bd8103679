// Convolution as a product: the values under each tap of the kernel become a row of `columns`, [taps x
// pixels] (Chellapilla, Puri and Simard, High performance convolutional neural networks for document
// processing, 2006). Bands of output rows at a time, so that the columns stay in the cache.
#include <algorithm>

#include "kernels/nn/gemm.hpp"
#include "kernels/nn/lanes.hpp"

namespace tutti::kernels::nn {
namespace {

using Shape = ConvolutionShape;

constexpr std::int64_t columns_wanted = 32768;  // values of a band

/// Output rows first ... first + rows of one image.
struct Band {
  std::int64_t first;
  std::int64_t rows;
};

std::int64_t band_rows(const Shape& s) {
  return std::clamp<std::int64_t>(columns_wanted / std::max<std::int64_t>(1, s.taps() * s.out_width()), 1,
                                  std::max<std::int64_t>(1, s.out_height()));
}

template <class Body>
void each_band(const Shape& s, const Body& body) {
  const std::int64_t step = band_rows(s);
  for (std::int64_t n = 0; n < s.images; ++n)
    for (std::int64_t i = 0; i < s.out_height(); i += step)
      body(n, Band{i, std::min(step, s.out_height() - i)});
}

/// For each tap and output row of the band: row(its place in columns, offset in the image of output column 0,
/// first and one past the last output column whose value is inside the image; none if the row is outside).
template <class Row>
void each_row(const Shape& s, const Band& band, const Row& row) {
  std::int64_t at = 0;
  for (std::int64_t c = 0; c < s.channels; ++c)
    for (std::int64_t p = 0; p < s.kernel; ++p)
      for (std::int64_t q = 0; q < s.kernel; ++q) {
        const std::int64_t low =
            std::clamp<std::int64_t>((s.padding - q + s.stride - 1) / s.stride, 0, s.out_width());
        const std::int64_t past = s.width + s.padding - q;  // output column j is inside if j stride < past
        const std::int64_t high =
            std::clamp<std::int64_t>(past <= 0 ? 0 : (past + s.stride - 1) / s.stride, low, s.out_width());
        for (std::int64_t i = band.first; i < band.first + band.rows; ++i, at += s.out_width()) {
          const std::int64_t y = i * s.stride + p - s.padding;
          const bool inside = y >= 0 && y < s.height;
          row(at, (c * s.height + y) * s.width + q - s.padding, low, inside ? high : low);
        }
      }
}

template <class T>
void to_columns(const Shape& s, const Band& band, const T* image, T* columns) {
  each_row(s, band, [&](std::int64_t at, std::int64_t from, std::int64_t low, std::int64_t high) {
    T* const to = columns + at;
    std::fill(to, to + low, T(0));
    if (s.stride == 1)
      std::copy(image + from + low, image + from + high, to + low);
    else
      for (std::int64_t j = low; j < high; ++j) to[j] = image[from + j * s.stride];
    std::fill(to + high, to + s.out_width(), T(0));
  });
}

template <class T>
void add_from_columns(const Shape& s, const Band& band, const T* columns, T* image) {
  each_row(s, band, [&](std::int64_t at, std::int64_t to, std::int64_t low, std::int64_t high) {
    for (std::int64_t j = low; j < high; ++j) image[to + j * s.stride] += columns[at + j];
  });
}

template <class T>
T* columns_of(const Shape& s) {
  return scratch<T>(slot_columns, s.taps() * band_rows(s) * s.out_width());
}

std::int64_t pixels(const Shape& s) { return s.out_height() * s.out_width(); }
std::int64_t image_values(const Shape& s) { return s.channels * s.height * s.width; }

}  // namespace

template <class T>
void convolution_forward(const Shape& s, const T* x, const T* w, const T* b, T* y) {
  T* const columns = columns_of<T>(s);
  if (b != nullptr)
    for (std::int64_t n = 0; n < s.images * s.filters; ++n)
      std::fill(y + n * pixels(s), y + (n + 1) * pixels(s), b[n % s.filters]);
  each_band(s, [&](std::int64_t n, const Band& band) {
    to_columns(s, band, x + n * image_values(s), columns);
    const std::int64_t count = band.rows * s.out_width();
    T* const to = y + n * s.filters * pixels(s) + band.first * s.out_width();
    gemm<T>(s.filters, count, s.taps(), {w, s.taps(), false}, {columns, count, false},
            plus(b == nullptr ? Into::write : Into::add, to, pixels(s)), to, pixels(s));
  });
}

template <class T>
void convolution_backward_input(const Shape& s, const T* dy, const T* w, T* dx) {
  T* const columns = columns_of<T>(s);
  std::fill(dx, dx + s.images * image_values(s), T(0));
  each_band(s, [&](std::int64_t n, const Band& band) {
    const std::int64_t count = band.rows * s.out_width();
    const T* const from = dy + n * s.filters * pixels(s) + band.first * s.out_width();
    gemm<T>(s.taps(), count, s.filters, {w, s.taps(), true}, {from, pixels(s), false}, {}, columns, count);
    add_from_columns(s, band, columns, dx + n * image_values(s));
  });
}

template <class T>
void convolution_backward_weight(const Shape& s, const T* x, const T* dy, T* dw, T* db) {
  T* const columns = columns_of<T>(s);
  std::fill(dw, dw + s.filters * s.taps(), T(0));
  each_band(s, [&](std::int64_t n, const Band& band) {
    to_columns(s, band, x + n * image_values(s), columns);
    const std::int64_t count = band.rows * s.out_width();
    const T* const from = dy + n * s.filters * pixels(s) + band.first * s.out_width();
    gemm<T>(s.filters, s.taps(), count, {from, pixels(s), false}, {columns, count, true}, {dw, s.taps()}, dw,
            s.taps());
  });
  if (db == nullptr) return;
  std::fill(db, db + s.filters, T(0));
  for (std::int64_t n = 0; n < s.images; ++n)
    for (std::int64_t f = 0; f < s.filters; ++f) {
      const T* const plane = dy + (n * s.filters + f) * pixels(s);
      db[f] += sum_in_lanes<T>(pixels(s), [&](auto at) { return at(plane); });
    }
}

template <class T>
void channel_relu_forward(const PlanesShape& shape, const T* b, T* y) {
  for (std::int64_t n = 0; n < shape.images * shape.channels; ++n) {
    T* const plane = y + n * shape.values;
    const T bias = b == nullptr ? T(0) : b[n % shape.channels];
    for (std::int64_t i = 0; i < shape.values; ++i)
      plane[i] = plane[i] + bias > T(0) ? plane[i] + bias : T(0);
  }
}

template <class T>
void channel_relu_backward(const PlanesShape& shape, const T* y, const T* dy, T* du, T* db) {
  if (db != nullptr) std::fill(db, db + shape.channels, T(0));
  for (std::int64_t n = 0; n < shape.images * shape.channels; ++n) {
    const std::int64_t first = n * shape.values;
    TUTTI_INDEPENDENT
    for (std::int64_t i = first; i < first + shape.values; ++i) du[i] = y[i] > T(0) ? dy[i] : T(0);
    if (db != nullptr)
      db[n % shape.channels] += sum_in_lanes<T>(shape.values, [&](auto at) { return at(du + first); });
  }
}

template void convolution_forward(const Shape&, const float*, const float*, const float*, float*);
template void convolution_backward_input(const Shape&, const float*, const float*, float*);
template void convolution_backward_weight(const Shape&, const float*, const float*, float*, float*);
template void channel_relu_forward(const PlanesShape&, const float*, float*);
template void channel_relu_backward(const PlanesShape&, const float*, const float*, float*, float*);
template void convolution_forward(const Shape&, const double*, const double*, const double*, double*);
template void convolution_backward_input(const Shape&, const double*, const double*, double*);
template void convolution_backward_weight(const Shape&, const double*, const double*, double*, double*);
template void channel_relu_forward(const PlanesShape&, const double*, double*);
template void channel_relu_backward(const PlanesShape&, const double*, const double*, double*, double*);

}  // namespace tutti::kernels::nn
