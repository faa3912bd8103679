// The kernels of the guide in kernels/README.md.
// Upwind advection along dimension 2 of a periodic grid. Courant number c = speed dt / h, stable for 0 <= c
// <= 1.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include <tutti/tutti.hpp>

#include "kernels/kokkos.hpp"

namespace upwind {

using namespace tutti;

/// next = (1 - c) u + c west
struct Step {
  double c;
  void operator()(In<double, 1> u, Out<double> next) const {
    for (std::int64_t i = 0; i < u.extent(0); ++i)
      for (std::int64_t j = 0; j < u.extent(1); ++j) {
        const double* from = u.row(i, j);
        double* to = next.row(i, j);
        for (std::int64_t k = 0; k < u.extent(2); ++k) to[k] = (1 - c) * from[k] + c * from[k - 1];
      }
  }
};

/// read(u, halo(1)), write(next)
inline Kernel step(double c) {
  return kernels::with_kokkos(make_kernel("upwind", Step{c}, {.flops = 3, .bytes = 16}));
}

/// What becomes of sin(2 pi k / cells): each step multiplies its complex amplitude by the same factor
/// (LeVeque, Finite Volume Methods for Hyperbolic Problems, section 8.3).
struct Mode {
  double wave;  // 2 pi / cells
  std::complex<double> amplitude;
  Mode(std::int64_t cells, double c, std::int64_t steps)
      : wave(2 * std::numbers::pi / static_cast<double>(cells)),
        amplitude(std::pow(1 - c + c * std::polar(1.0, -wave), static_cast<double>(steps))) {}
  double at(std::int64_t k) const {
    return (amplitude * std::polar(1.0, wave * static_cast<double>(k))).imag();
  }
};

/// write(u)
inline Kernel set(const Mode& mode) {
  return kernels::with_kokkos(make_kernel("set_mode", [mode](Out<double> u) {
    for (std::int64_t i = 0; i < u.extent(0); ++i)
      for (std::int64_t j = 0; j < u.extent(1); ++j)
        for (std::int64_t k = 0; k < u.extent(2); ++k) u(i, j, k) = mode.at(u.box.lo[2] + k);
  }));
}

/// read(u) -> float64: the tile's max |u - mode|; infinity if any value is NaN
inline Kernel error(const Mode& mode) {
  return make_kernel("mode_error", [mode](In<double> u) {
    double worst = 0;
    for (std::int64_t i = 0; i < u.extent(0); ++i)
      for (std::int64_t j = 0; j < u.extent(1); ++j)
        for (std::int64_t k = 0; k < u.extent(2); ++k) {
          const double difference = std::abs(u(i, j, k) - mode.at(u.box.lo[2] + k));
          worst = std::isnan(difference) ? HUGE_VAL : std::max(worst, difference);
        }
    return worst;
  });
}

}  // namespace upwind
