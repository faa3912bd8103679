// Products without a library: tiles of 64 x 64 in shared memory, a square of 4 x 4 by each thread, in float32
// with fused multiply-adds. The twin of product_cublas.cpp, for machines that have nothing but the compiler.
#include <memory>

#include "gpu/cuda_check.hpp"
#include "gpu/load_kernel.cuh"
#include "gpu/nn/product.hpp"
#include "gpu/nn/rows.hpp"

namespace tutti::gpu {
namespace {

using kernels::nn::Activation;

constexpr int side = 64;
constexpr int depth = 16;
constexpr int threads = 256;

/// Element (row, column) of the factor of product `z` of the batch, or 0 beyond its edges.
__device__ float element(const Matrix& m, std::int64_t z, std::int64_t row, std::int64_t column,
                         std::int64_t rows, std::int64_t columns) {
  if (row >= rows || column >= columns) return 0;
  const float* values = m.values + z * m.batch_stride;
  return m.transposed ? values[column * m.stride + row] : values[row * m.stride + column];
}

__device__ float finished(const Product& p, const Epilogue& e, std::int64_t z, std::int64_t i, std::int64_t j,
                          float sum) {
  const std::int64_t at = z * p.batch_stride + i * p.stride + j;
  if (e.residual != nullptr) sum += e.residual[at];
  if (e.bias != nullptr) sum += e.bias[j];
  if (e.before != nullptr) e.before[at] = sum;
  if (e.activation == Activation::relu) return relu(sum);
  if (e.activation == Activation::gelu) return gelu(sum);
  return sum;
}

__global__ void __launch_bounds__(threads) own_product(const Product p, const Epilogue e) {
  __shared__ float a[depth][side + 4], b[depth][side + 4];
  const std::int64_t z = blockIdx.z, first_row = std::int64_t{blockIdx.y} * side,
                     first_column = std::int64_t{blockIdx.x} * side;
  const int i = threadIdx.x / 16, j = threadIdx.x % 16;
  float sums[4][4] = {};
  for (std::int64_t k = 0; k < p.k; k += depth) {
    for (int at = threadIdx.x; at < depth * side; at += threads) {
      // neighbouring threads read neighbouring values
      const int along = at % depth, row = at / depth, across = at % side, deep = at / side;
      if (p.a.transposed)
        a[deep][across] = element(p.a, z, first_row + across, k + deep, p.m, p.k);
      else
        a[along][row] = element(p.a, z, first_row + row, k + along, p.m, p.k);
      if (p.b.transposed)
        b[along][row] = element(p.b, z, k + along, first_column + row, p.k, p.n);
      else
        b[deep][across] = element(p.b, z, k + deep, first_column + across, p.k, p.n);
    }
    __syncthreads();
#pragma unroll
    for (int d = 0; d < depth; ++d) {
      float x[4], y[4];
#pragma unroll
      for (int r = 0; r < 4; ++r) {
        x[r] = a[d][i + 16 * r];
        y[r] = b[d][j + 16 * r];
      }
#pragma unroll
      for (int r = 0; r < 4; ++r)
#pragma unroll
        for (int c = 0; c < 4; ++c) sums[r][c] = fmaf(x[r], y[c], sums[r][c]);
    }
    __syncthreads();
  }
  for (int r = 0; r < 4; ++r)
    for (int c = 0; c < 4; ++c) {
      const std::int64_t row = first_row + i + 16 * r, column = first_column + j + 16 * c;
      if (row < p.m && column < p.n)
        p.c[z * p.batch_stride + row * p.stride + column] = finished(p, e, z, row, column, sums[r][c]);
    }
}

}  // namespace

Step multiply(const Product& p, const Epilogue& e) {
  if (e.column_sums != nullptr) return nullptr;
  const auto blocks = [](std::int64_t n) { return static_cast<unsigned>((n + side - 1) / side); };
  if (p.batch > 65535 || p.m > std::int64_t{65535} * side)
    throw Error(Status::usage, "a product of " + std::to_string(p.batch) + " matrices with " +
                                   std::to_string(p.m) + " rows is too large for one launch");
  load_kernel(own_product, "product");
  const dim3 grid(blocks(p.n), blocks(p.m), static_cast<unsigned>(p.batch));
  return [p, e, grid](cudaStream_t stream) {
    own_product<<<grid, threads, 0, stream>>>(p, e);
    check_launch("product");
  };
}

const char* product_library() { return "own products, float32"; }

}  // namespace tutti::gpu
