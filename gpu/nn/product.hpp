// Products of matrices on the device: by cuBLASLt (product_cublas.cpp), or by our own kernel where it is
// missing (product_own.cu).
#pragma once

#include <cstdint>
#include <vector>

#include "gpu/nn/steps.hpp"
#include "kernels/nn/nn.hpp"

namespace tutti::gpu {

/// A factor as stored: row-major, `stride` values between rows, `batch_stride` between those of the products
/// of a batch.
struct Matrix {
  const float* values = nullptr;
  std::int64_t stride = 0;
  bool transposed = false;  ///< the factor is the transpose of what is stored
  std::int64_t batch_stride = 0;
};

/// What happens to a product on its way to memory.
struct Epilogue {
  const float* bias = nullptr;  ///< [n], the same for the whole batch; null: none
  kernels::nn::Activation activation = kernels::nn::Activation::none;
  float* before = nullptr;              ///< GELU: receives what it is applied to; strides are those of c
  const float* residual = nullptr;      ///< added; stored like c; may be c
  float* column_sums = nullptr;         ///< [n]: receives the sums of b's columns
  std::int64_t column_sums_stride = 0;  ///< from one product of the batch to the next
};

/// c = activation(a b + bias + residual) for each of a batch: a is m x k, b is k x n, c [m x n] is stored
/// with `stride` values between rows. c may be a residual but overlaps nothing else.
struct Product {
  std::int64_t m = 0, n = 0, k = 0;
  Matrix a, b;
  float* c = nullptr;
  std::int64_t stride = 0;
  std::int64_t batch_stride = 0;
  std::int64_t batch = 1;
};

/// The product as one with more rows, if rows of a and c follow each other from product to product and b is
/// the same; else as it is.
Product merged(const Product& product);

/// A step, or null if there is none for this product with this epilogue (never for the empty one).
Step multiply(const Product& product, const Epilogue& epilogue);

/// "cuBLASLt, TF32": where products come from and how precise they are. The environment variable
/// TUTTI_CUDA_PRODUCTS says which of float32, tf32 (default) and bf16 the factors are rounded to; sums are
/// always float32. Throws Error(usage) for another word.
const char* product_library();

enum class Precision : std::uint8_t { float32, tf32, bf16 };
Precision product_precision();

}  // namespace tutti::gpu
