#include "kernels/nn/gemm.hpp"

namespace tutti::kernels::nn {

template <class T>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Factor<T>& a, const Factor<T>& b,
          const Plus<T>& plus, T* c, std::int64_t stride) {
  own_gemm(m, n, k, a, b, plus, c, stride);
}

template void gemm(std::int64_t, std::int64_t, std::int64_t, const Factor<float>&, const Factor<float>&,
                   const Plus<float>&, float*, std::int64_t);
template void gemm(std::int64_t, std::int64_t, std::int64_t, const Factor<double>&, const Factor<double>&,
                   const Plus<double>&, double*, std::int64_t);

const char* gemm_library() { return "Tutti's own"; }

}  // namespace tutti::kernels::nn
