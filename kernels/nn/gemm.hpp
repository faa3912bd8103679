// Products of matrices for kernels/nn: our own (gemm_own.cpp), and in builds with TUTTI_BLAS OpenBLAS for
// those that it is quicker at (gemm_blas.cpp, else gemm_no_blas.cpp).
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/nn/nn.hpp"

namespace tutti::kernels::nn {

/// A factor of a product, as stored: row-major, `stride` values between rows.
template <class T>
struct Factor {
  const T* values = nullptr;
  std::int64_t stride = 0;
  bool transposed = false;  ///< the factor is the transpose of what is stored
};

/// What a product is added to: a matrix with `stride` values between rows, a row for each of its rows, both,
/// or nothing where these are null.
template <class T>
struct Plus {
  const T* matrix = nullptr;
  std::int64_t stride = 0;
  const T* row = nullptr;

  /// From row i and column j on.
  [[nodiscard]] Plus from(std::int64_t i, std::int64_t j) const {
    return {matrix == nullptr ? nullptr : matrix + i * stride + j, stride,
            row == nullptr ? nullptr : row + j};
  }
  /// `value` of row i and column j, and what it is added to.
  [[nodiscard]] T sum(T value, std::int64_t i, std::int64_t j) const {
    if (matrix != nullptr) value += matrix[i * stride + j];
    if (row != nullptr) value += row[j];
    return value;
  }
};
/// Where c, with `stride` values between rows, is overwritten or added to.
template <class T>
Plus<T> plus(Into into, const T* c, std::int64_t stride) {
  return into == Into::add ? Plus<T>{c, stride} : Plus<T>{};
}

/// c = a b + plus; a is m x k, b is k x n, c is m x n with `stride` values between rows and does not overlap
/// a, b or the row; it is plus' matrix or does not overlap it. Runs on the calling thread alone. The bits
/// depend on the shape and the values.
template <class T>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Factor<T>& a, const Factor<T>& b,
          const Plus<T>& plus, T* c, std::int64_t stride);
/// The same without a library. An element's bits depend on k and the values alone, and where b is transposed
/// on whether m is at most block_rows.
template <class T>
void own_gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Factor<T>& a, const Factor<T>& b,
              const Plus<T>& plus, T* c, std::int64_t stride);

/// Where the products of gemm come from, in words.
const char* gemm_library();

/// At least n values, aligned to 64 bytes, that belong to the calling thread until it asks again for the same
/// slot. Grows, never shrinks.
template <class T>
T* scratch(int slot, std::int64_t n);

/// Who uses which slot: callers of gemm must not use its own.
enum Slot : int { slot_pack_a, slot_pack_b, slot_columns, slot_attention, slot_stack, slots };

}  // namespace tutti::kernels::nn
