// What NVIDIA's own libraries reach in the same run, for comparison: vendor_cuda.cpp where they are
// installed, else vendor_none.cpp.
#pragma once

#include <cstdint>
#include <vector>

#include <cuda_runtime_api.h>

namespace tutti::gpu_check {

struct CsrMatrix {
  std::int64_t rows = 0;  ///< and columns
  std::vector<std::int32_t> first, column;
  std::vector<double> value;
};

enum class Precision : std::uint8_t { bf16, tf32 };

/// Median seconds of cuSPARSE's product of the matrix with a vector, by its default and its first algorithm,
/// whichever is faster; 0 without cuSPARSE.
double vendor_spmv_seconds(const CsrMatrix& matrix, cudaStream_t stream);
/// Median seconds of cuBLAS' product of two n x n matrices of random numbers; 0 without cuBLAS.
double vendor_product_seconds(std::int64_t n, Precision precision, cudaStream_t stream);

}  // namespace tutti::gpu_check
