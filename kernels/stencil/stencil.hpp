// Stencil kernels, their initial conditions and their checks.
//
// Fields hold doubles; dimension 2 is contiguous. 3-D kernels take any box; heat5 uses dimensions 1 and 2.
// All are safe to run from several threads at once. Results do not depend on tile shape, launcher, or the
// choice of stores: the same bits.
//
//   kernel  accesses                          flops  bytes per cell   stable for
//   heat5   read(u, halo(1)), write(next)        7   16               r <= 1/4
//   heat7   read(u, halo(1)), write(next)        9   16               r <= 1/6
//   heat27  read(u, halo(1, corners)), write    31   16               r <= 15/46
//   wave2   read(u, halo(1)), update(previous)  11   24               c <= 1/sqrt(3)
//   wave8   read(u, halo(4)), update(previous)  33   24               c <= 0.45285 (2 / sqrt(3 * 6.501587))
// (bytes: every array streamed once, with stores that do not read their line first)
#pragma once

#include <cstdint>

#include "runtime/data/box.hpp"
#include "runtime/data/kernel.hpp"

namespace tutti::kernels {

/// How results are written. `streaming` takes vectors of several planes at a time, prefetches, and (where the
/// old value is not read anyway) bypasses the caches: right when the fields exceed the last-level cache, up
/// to twice as slow as `cached` when they do not. `automatic` is for options: resolve it with
/// choose_stores(); a kernel that is given it uses `cached`.
enum class Stores : std::uint8_t { automatic, cached, streaming };

/// The rule behind `automatic`: streaming if the fields that the ranks sharing a cache sweep together
/// (`field_bytes`, ghosts aside) exceed half of it: reads and writes compete for it, and other programs use
/// it. (heat7, 32 MiB: at 96^3, 14 MB, cached is 1.2 times faster; at 128^3, 34 MB, streaming is 1.7 times
/// faster.)
Stores choose_stores(Stores asked, std::uint64_t field_bytes, std::uint64_t cache_bytes);

/// Explicit Euler for the heat equation, r = alpha dt / h^2 (dimensionless):
///   heat5   next = u + r (sum of 4 neighbours - 4 u)
///   heat7   next = u + r (sum of 6 neighbours - 6 u)
///   heat27  next = u + r/30 (14 faces + 3 edges + corners - 128 u): second order with isotropic leading
///   error
///           (Spotz and Carey, A high-order compact formulation for the 3D Poisson equation, 1996)
Kernel heat5(double r, Stores stores = Stores::cached);
Kernel heat7(double r, Stores stores = Stores::cached);
Kernel heat27(double r, Stores stores = Stores::cached);

/// Leapfrog for the wave equation, c = speed dt / h (Courant number). The second argument holds the field one
/// step earlier and receives the field one step later: 2 u - previous + c^2 h^2 laplacian(u), with the
/// 7-point Laplacian or the one of eighth order, per dimension (-205/72, 8/5, -1/5, 8/315, -1/560) (Fornberg,
/// Generation of finite difference formulas on arbitrarily spaced grids, Math. Comp. 51, 1988).
Kernel wave2(double c, Stores stores = Stores::cached);
Kernel wave8(double c, Stores stores = Stores::cached);

/// A product of sines over a grid, an eigenvector of all the kernels above. Fixed boundary of value 0: the
/// product of sin(pi m_d (i_d + 1) / (N_d + 1)); periodic: of sin(2 pi m_d i_d / N_d). A dimension with mode
/// 0 contributes the factor 1 (the leading dimensions of 1-D and 2-D grids). wave8 reads four cells beyond
/// the boundary, so only the periodic mode is its eigenvector.
struct SineMode {
  Index3 extents{1, 1, 1};
  Index3 modes{0, 0, 0};
  bool periodic = false;
};

/// write(u): amplitude * phi.
Kernel sine_mode(const SineMode& mode, double amplitude);
/// read(u) -> float64: the tile's max |u - factor phi|; infinity if any value is NaN.
Kernel sine_mode_error(const SineMode& mode, double factor);
/// u after `step` steps of heat5 (points = 5), heat7 or heat27 from u = phi is this factor times phi.
double heat_mode_factor(int points, const SineMode& mode, double r, std::int64_t step);
/// The same for wave2 (order = 2) and wave8 (order = 8): cos(step theta), where step 0 is phi. The field one
/// step before the start, which the first step needs, has the factor of step -1 (or 1, it is even). NaN where
/// the mode is unstable.
double wave_mode_factor(int order, const SineMode& mode, double c, std::int64_t step);

/// read(u) -> float64: the tile's max |u|; infinity if any value is NaN.
Kernel max_abs();
/// read(u) -> float64: the tile's sum. Eight lanes by position in the row, added up in a fixed order.
Kernel sum_cells();
/// read(u) -> uint64: over the cells, the sum modulo 2^64 of a mix of the cell's global index and the bits of
/// its value. Summed over all tiles it identifies the global field whatever its layout. 0.0 and -0.0 differ.
Kernel checksum(const Index3& extents);
/// write(u): value.
Kernel fill(double value);

/// `kernel` with a delay that moves from rank to rank: before the body, spins `delay_us` microseconds if
/// task.step % ranks == task.rank and the tile is the first of its rank. For studies of imbalance.
Kernel delayed(Kernel kernel, double delay_us, std::uint32_t ranks);

}  // namespace tutti::kernels
