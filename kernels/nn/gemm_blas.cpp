#include <cblas.h>

#include "kernels/nn/gemm.hpp"

namespace tutti::kernels::nn {
namespace {

// Tasks run on all cores already: a build of OpenBLAS with threads of its own uses one.
bool one_thread() {
  openblas_set_num_threads(1);
  return true;
}
const bool ready = one_thread();

CBLAS_TRANSPOSE stored(bool transposed) { return transposed ? CblasTrans : CblasNoTrans; }

}  // namespace

template <>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Factor<float>& a, const Factor<float>& b,
          Into into, float* c, std::int64_t stride) {
  if (m == 0 || n == 0) return;
  cblas_sgemm(CblasRowMajor, stored(a.transposed), stored(b.transposed), static_cast<blasint>(m),
              static_cast<blasint>(n), static_cast<blasint>(k), 1.0F, a.values,
              static_cast<blasint>(a.stride), b.values, static_cast<blasint>(b.stride),
              into == Into::add ? 1.0F : 0.0F, c, static_cast<blasint>(stride));
}

template <>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Factor<double>& a, const Factor<double>& b,
          Into into, double* c, std::int64_t stride) {
  if (m == 0 || n == 0) return;
  cblas_dgemm(CblasRowMajor, stored(a.transposed), stored(b.transposed), static_cast<blasint>(m),
              static_cast<blasint>(n), static_cast<blasint>(k), 1.0, a.values, static_cast<blasint>(a.stride),
              b.values, static_cast<blasint>(b.stride), into == Into::add ? 1.0 : 0.0, c,
              static_cast<blasint>(stride));
}

const char* gemm_library() { return ready ? openblas_get_config() : ""; }

}  // namespace tutti::kernels::nn
