// Vector operations, alone and fused. All take vectors of doubles of equal length; n is that of a tile.
//
// Dots and norms add the products of a tile in eight lanes (product i to lane i mod 8), and the lanes in a
// fixed order: the same bits for every instruction set. Across tiles, `sum` of a reduction is reproducible.
//
//   kernel        accesses, returns                                  flops  bytes per element
//   axpy          read(alpha), read(x), update(y)                        2   24   y += alpha x
//   xpby          read(x), read(beta), update(y)                         2   24   y = x + beta y
//   dot           read(x), read(y) -> x . y                              2   16
//   norm2         read(x) -> x . x                                       2    8
//   cg_update     read(alpha), read(p), read(q), update(x), update(r)    6   48   x += alpha p; r -= alpha q
//                 -> r . r, of the new r
//   pipelined_update: see below                                         18  144
// (bytes: every vector read and written once; the unfused sequence of cg_update moves 56)
#pragma once

#include <cstdint>

#include "runtime/data/kernel.hpp"

namespace tutti::kernels {

Kernel axpy();
Kernel xpby();
Kernel dot();
Kernel norm2();
Kernel cg_update();

/// One update of pipelined conjugate gradients (Ghysels and Vanroose, Hiding global synchronization latency
/// in the preconditioned conjugate gradient algorithm, Parallel Computing 40, 2014, algorithm 4), with
/// scalars alpha and beta, n = A m, m = M w:
///   z = n + beta z; q = m + beta q; s = w + beta s; p = u + beta p;
///   x += alpha p; r -= alpha s; u -= alpha q; w -= alpha z;     returns r . r
/// accesses: read(alpha), read(beta), read(n), read(m), update(z, q, s, p, x, r, u, w)
Kernel pipelined_update();

// Scalars between them, for `compute` and `stop_when`; all of doubles.
//   constant          -> value
//   same              read(a) -> a
//   quotient          read(a), read(b) -> a / b
//   quotient_or_zero  read(a), read(b) -> a / b, or 0 where b is 0
//   pipelined_alpha   read(gamma), read(delta), read(beta), read(alpha) -> the next alpha of pipelined_update
//   not_above         read(a), read(limit) -> whether a <= limit or one of them is NaN
Kernel constant(double value);
Kernel same();
Kernel quotient();
Kernel quotient_or_zero();
Kernel pipelined_alpha();
Kernel not_above();

/// For `each` over one tile per rank: read(a), read(step_number), read(first step), update(list). Keeps what
/// a scalar is at each step: list[step - first] = a, as long as the list is.
Kernel note();

/// write(x): uniform random numbers from [-1, 1), a function of `seed` and the row's number.
Kernel random_vector(std::uint64_t seed);

/// The sum of x[i] y[i] in eight lanes, as `dot` forms it.
double lane_dot(const double* x, const double* y, std::int64_t n);

}  // namespace tutti::kernels
