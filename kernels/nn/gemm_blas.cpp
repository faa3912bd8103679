#include <string>

#include <cblas.h>

#include "kernels/nn/gemm.hpp"
#include "kernels/nn/simd.hpp"

namespace tutti::kernels::nn {
namespace {

// Tasks run on all cores already: a build of OpenBLAS with threads of its own uses one.
bool one_thread() {
  openblas_set_num_threads(1);
  return true;
}
const bool ready = one_thread();

// Where the processor we are compiled for has wide vectors, our own product is quicker up to about 512^3: 109
// to 114 GFLOP/s for those of a gpt of width 128, where OpenBLAS 0.3.21 has 98 to 104 (one core of a Zen 4
// with AVX-512; tests/bench/nn_bench.cpp). Compiled for any processor it is not: OpenBLAS looks for itself.
bool ours_is_quicker(std::int64_t m, std::int64_t n, std::int64_t k) {
  constexpr std::int64_t most = std::int64_t{512} * 512 * 512;
  return fused && vector_bytes >= 32 && m * n * k <= most;
}

CBLAS_TRANSPOSE stored(bool transposed) { return transposed ? CblasTrans : CblasNoTrans; }

}  // namespace

template <>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Factor<float>& a, const Factor<float>& b,
          Into into, float* c, std::int64_t stride) {
  if (ours_is_quicker(m, n, k)) return own_gemm(m, n, k, a, b, into, c, stride);
  cblas_sgemm(CblasRowMajor, stored(a.transposed), stored(b.transposed), static_cast<blasint>(m),
              static_cast<blasint>(n), static_cast<blasint>(k), 1.0F, a.values,
              static_cast<blasint>(a.stride), b.values, static_cast<blasint>(b.stride),
              into == Into::add ? 1.0F : 0.0F, c, static_cast<blasint>(stride));
}

template <>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Factor<double>& a, const Factor<double>& b,
          Into into, double* c, std::int64_t stride) {
  if (ours_is_quicker(m, n, k)) return own_gemm(m, n, k, a, b, into, c, stride);
  cblas_dgemm(CblasRowMajor, stored(a.transposed), stored(b.transposed), static_cast<blasint>(m),
              static_cast<blasint>(n), static_cast<blasint>(k), 1.0, a.values, static_cast<blasint>(a.stride),
              b.values, static_cast<blasint>(b.stride), into == Into::add ? 1.0 : 0.0, c,
              static_cast<blasint>(stride));
}

const char* gemm_library() {
  static const std::string name =
      std::string(ours_is_quicker(1, 1, 1) ? "Tutti's own up to 512^3, beyond " : "") + openblas_get_config();
  return ready ? name.c_str() : "";
}

}  // namespace tutti::kernels::nn
