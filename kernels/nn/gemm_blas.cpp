#include <algorithm>
#include <string>

#include <cblas.h>

#include "kernels/nn/gemm.hpp"
#include "kernels/nn/lanes.hpp"

namespace tutti::kernels::nn {
namespace {

// Tasks run on all cores already: of its threads, OpenBLAS is to use none. A build without threads is not
// used at all: unless made with USE_LOCKING=1, which it does not tell, it hands the same buffer to callers at
// the same moment (0.3.21 as Debian has it: up to 14 of 200 products wrong with four callers).
bool prepare() {
  if (openblas_get_parallel() == OPENBLAS_SEQUENTIAL) return false;
  openblas_set_num_threads(1);
  return true;
}
const bool is_safe = prepare();

// Where the processor we are compiled for has wide vectors, our own product is quicker up to about 512^3: 109
// to 114 GFLOP/s for those of a gpt of width 128, where OpenBLAS 0.3.21 has 98 to 104 (one core of a Zen 4
// with AVX-512; tests/bench/nn_bench.cpp). Compiled for any processor it is not: OpenBLAS looks for itself.
bool takes_ours(std::int64_t m, std::int64_t n, std::int64_t k) {
  constexpr std::int64_t most = std::int64_t{512} * 512 * 512;
  return !is_safe || (fused && vector_bytes >= 32 && m * n * k <= most);
}

// c = plus, for a product to be added to it: whether there is anything.
template <class T>
bool begin_with(std::int64_t m, std::int64_t n, const Plus<T>& plus, T* c, std::int64_t stride) {
  const T *from = plus.matrix, *const row = plus.row;
  for (std::int64_t i = 0; i < m && from != nullptr && from != c; ++i)
    std::copy_n(from + i * plus.stride, n, c + i * stride);
  for (std::int64_t i = 0; i < m && row != nullptr; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      c[i * stride + j] = (from != nullptr ? c[i * stride + j] : 0) + row[j];
  return from != nullptr || row != nullptr;
}

CBLAS_TRANSPOSE stored(bool transposed) { return transposed ? CblasTrans : CblasNoTrans; }

}  // namespace

template <>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Factor<float>& a, const Factor<float>& b,
          const Plus<float>& plus, float* c, std::int64_t stride) {
  if (takes_ours(m, n, k)) return own_gemm(m, n, k, a, b, plus, c, stride);
  const bool added = begin_with(m, n, plus, c, stride);
  cblas_sgemm(CblasRowMajor, stored(a.transposed), stored(b.transposed), static_cast<blasint>(m),
              static_cast<blasint>(n), static_cast<blasint>(k), 1.0F, a.values,
              static_cast<blasint>(a.stride), b.values, static_cast<blasint>(b.stride), added ? 1.0F : 0.0F,
              c, static_cast<blasint>(stride));
}

template <>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Factor<double>& a, const Factor<double>& b,
          const Plus<double>& plus, double* c, std::int64_t stride) {
  if (takes_ours(m, n, k)) return own_gemm(m, n, k, a, b, plus, c, stride);
  const bool added = begin_with(m, n, plus, c, stride);
  cblas_dgemm(CblasRowMajor, stored(a.transposed), stored(b.transposed), static_cast<blasint>(m),
              static_cast<blasint>(n), static_cast<blasint>(k), 1.0, a.values, static_cast<blasint>(a.stride),
              b.values, static_cast<blasint>(b.stride), added ? 1.0 : 0.0, c, static_cast<blasint>(stride));
}

const char* gemm_library() {
  if (!is_safe) return "Tutti's own (this OpenBLAS is not safe for several callers)";
  static const std::string name =
      std::string(takes_ours(1, 1, 1) ? "Tutti's own up to 512^3, beyond " : "") + openblas_get_config();
  return name.c_str();
}

}  // namespace tutti::kernels::nn
