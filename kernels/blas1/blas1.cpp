#include "kernels/blas1/blas1.hpp"

#include "kernels/blas1/functors.hpp"
#include "kernels/blas1/scalars.hpp"

namespace tutti::kernels {

double lane_dot(const double* x, const double* y, std::int64_t n) {
  return in_lanes(n, [&](std::int64_t i) TUTTI_INLINE { return x[i] * y[i]; });
}

Kernel axpy() { return make_kernel("axpy", Axpy{}, {2, 24}); }
Kernel xpby() { return make_kernel("xpby", Xpby{}, {2, 24}); }
Kernel dot() { return make_kernel("dot", Dot{}, {2, 16}); }
Kernel norm2() { return make_kernel("norm2", Norm2{}, {2, 8}); }
Kernel cg_update() { return make_kernel("cg_update", CgUpdate{}, {6, 48}); }
Kernel random_vector(std::uint64_t seed) { return make_kernel("random_vector", RandomVector{seed}, {0, 8}); }
Kernel pipelined_update() { return make_kernel("pipelined_update", PipelinedUpdate{}, {18, 144}); }

Kernel constant(double value) { return make_kernel("constant", Constant{value}); }
Kernel same() { return make_kernel("same", Same{}); }
Kernel quotient() { return make_kernel("quotient", Quotient{}); }
Kernel quotient_or_zero() { return make_kernel("quotient_or_zero", QuotientOrZero{}); }
Kernel pipelined_alpha() { return make_kernel("pipelined_alpha", PipelinedAlpha{}); }
Kernel not_above() { return make_kernel("not_above", NotAbove{}); }
Kernel note() { return make_kernel("note", Note{}); }

}  // namespace tutti::kernels
