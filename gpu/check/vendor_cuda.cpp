#include <algorithm>
#include <random>
#include <string>

#include <cublas_v2.h>
#include <cusparse.h>

#include "gpu/check/measure.hpp"
#include "gpu/check/vendor.hpp"
#include "gpu/cuda_check.hpp"
#include "gpu/device_array.hpp"

namespace tutti::gpu_check {
namespace {

void check(cusparseStatus_t status) {
  if (status != CUSPARSE_STATUS_SUCCESS)
    throw Error(Status::environment, std::string("cuSPARSE: ") + cusparseGetErrorString(status));
}
void check(cublasStatus_t status) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw Error(Status::environment, std::string("cuBLAS: ") + cublasGetStatusString(status));
}

/// 16 random bits of numbers in (-2, 2), as bf16: data that is not zero, whose power the product really
/// takes.
std::vector<std::uint16_t> random_bf16(std::size_t count) {
  std::vector<std::uint16_t> v(count);
  std::mt19937_64 random(1);
  for (auto& x : v) x = static_cast<std::uint16_t>((random() & 0x807fU) | 0x3f00U);  // sign, +-[0.5, 2)
  return v;
}

}  // namespace

double vendor_spmv_seconds(const CsrMatrix& m, cudaStream_t stream) {
  const gpu::DeviceArray<std::int32_t> first(m.first), column(m.column);
  const gpu::DeviceArray<double> value(m.value);
  const std::vector<double> ones(static_cast<std::size_t>(m.rows), 1.0);
  const gpu::DeviceArray<double> x(ones), y(ones);
  cusparseHandle_t handle = nullptr;
  check(cusparseCreate(&handle));
  check(cusparseSetStream(handle, stream));
  cusparseSpMatDescr_t a = nullptr;
  cusparseDnVecDescr_t in = nullptr, out = nullptr;
  check(cusparseCreateCsr(&a, m.rows, m.rows, static_cast<std::int64_t>(m.value.size()), first.data(),
                          column.data(), value.data(), CUSPARSE_INDEX_32I, CUSPARSE_INDEX_32I,
                          CUSPARSE_INDEX_BASE_ZERO, CUDA_R_64F));
  check(cusparseCreateDnVec(&in, m.rows, x.data(), CUDA_R_64F));
  check(cusparseCreateDnVec(&out, m.rows, y.data(), CUDA_R_64F));
  const double one = 1, zero = 0;
  double best = 0;
  std::vector<gpu::DeviceArray<std::byte>> buffers;  // the matrix may keep what it was prepared with
  for (const cusparseSpMVAlg_t algorithm :
       {CUSPARSE_SPMV_ALG_DEFAULT, CUSPARSE_SPMV_CSR_ALG1, CUSPARSE_SPMV_CSR_ALG2}) {
    std::size_t bytes = 0;
    check(cusparseSpMV_bufferSize(handle, CUSPARSE_OPERATION_NON_TRANSPOSE, &one, a, in, &zero, out,
                                  CUDA_R_64F, algorithm, &bytes));
    const auto& buffer = buffers.emplace_back(std::max<std::size_t>(bytes, 1));
    check(cusparseSpMV_preprocess(handle, CUSPARSE_OPERATION_NON_TRANSPOSE, &one, a, in, &zero, out,
                                  CUDA_R_64F, algorithm, buffer.data()));
    const double s = Stopwatch(stream).seconds([&] {
      check(cusparseSpMV(handle, CUSPARSE_OPERATION_NON_TRANSPOSE, &one, a, in, &zero, out, CUDA_R_64F,
                         algorithm, buffer.data()));
    });
    best = best == 0 ? s : std::min(best, s);
  }
  cusparseDestroyDnVec(in);
  cusparseDestroyDnVec(out);
  cusparseDestroySpMat(a);
  cusparseDestroy(handle);
  return best;
}

double vendor_product_seconds(std::int64_t n, Precision precision, cudaStream_t stream) {
  // pairs of random bf16 numbers are good float numbers, too
  const std::size_t halves = static_cast<std::size_t>(n * n) * (precision == Precision::bf16 ? 1 : 2);
  const auto random = random_bf16(halves);
  const gpu::DeviceArray<std::uint16_t> a(random), b(random), c(halves);
  cublasHandle_t handle = nullptr;
  check(cublasCreate(&handle));
  check(cublasSetStream(handle, stream));
  const gpu::DeviceArray<std::byte> workspace(std::size_t{64} << 20);
  check(cublasSetWorkspace(handle, workspace.data(), workspace.size()));
  const float one = 1, zero = 0;
  const auto type = precision == Precision::bf16 ? CUDA_R_16BF : CUDA_R_32F;
  const auto compute = precision == Precision::bf16 ? CUBLAS_COMPUTE_32F : CUBLAS_COMPUTE_32F_FAST_TF32;
  const int size = static_cast<int>(n);
  const double s = Stopwatch(stream).seconds([&] {
    check(cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, size, size, size, &one, a.data(), type, size,
                       b.data(), type, size, &zero, c.data(), type, size, compute, CUBLAS_GEMM_DEFAULT));
  });
  cublasDestroy(handle);
  return s;
}

}  // namespace tutti::gpu_check
