// Products with a right factor that is packed once and used in parts: what own_gemm consists of, for kernels
// that need only some of a product's blocks, as causal attention does.
#pragma once

#include <cstdint>

#include "kernels/nn/gemm.hpp"
#include "kernels/nn/lanes.hpp"

namespace tutti::kernels::nn {

/// Rows and columns of the blocks of c that stay in registers: `block_rows` x two vectors, with room for two
/// vectors of b and one value of a. Products are made of whole blocks best.
inline constexpr int block_rows = vector_registers == 32 ? 8 : 6;
template <class T>
inline constexpr std::int64_t panel = 2 * vector_lanes<T>;

template <class T>
constexpr std::int64_t whole_panels(std::int64_t columns) {
  return (columns + panel<T> - 1) / panel<T> * panel<T>;
}

/// A factor of `rows` x any number of columns as panels, [rows][panel] each, filled up with zeros.
template <class T>
struct Packed {
  const T* values = nullptr;
  std::int64_t rows = 0;
};
/// Packs b, k x n, into whole_panels(n) k values at `to`, where they stay.
template <class T>
Packed<T> pack(std::int64_t k, std::int64_t n, const Factor<T>& b, T* to);

/// c = a b, or c += a b, with rows `first` ... first + k of b and its first n columns: a is m x k with m <=
/// block_rows, c is m x n with `stride` values between rows. n may go on to the end of b's last panel.
template <class T>
void packed_gemm(std::int64_t m, std::int64_t n, std::int64_t first, std::int64_t k, const Factor<T>& a,
                 const Packed<T>& b, Into into, T* c, std::int64_t stride);

}  // namespace tutti::kernels::nn
