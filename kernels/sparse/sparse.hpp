// Kernels of sparse matrices of doubles: products, smoothers, transfer between levels.
//
// Each works on one tile of rows. Values that lie in other tiles are read as they were before the operation,
// so results do not depend on ranks, threads, or the order of tiles: the same bits. All add a row's products
// one after the other in the order of the row's entries, unless said otherwise.
//
//   kernel             accesses, returns
//   spmv               read(A), read(x, columns(A)), write(y)                y = A x
//   spmv_dot           the same -> x . y of the tile's rows (A is square)
//   residual           read(A), read(x, columns(A)), read(b), write(r)       r = b - A x
//   jacobi             read(A), read(r), write(z)                            z = r / diagonal
//   jacobi_dot         the same -> r . z
//   gauss_seidel_zero  read(A), read(r), write(z)                            one sweep from z = 0
//   gauss_seidel_zero_dot   the same -> r . z
//   gauss_seidel       read(A), read(x, columns(A)), read(r), write(z)       one sweep from x
//   gauss_seidel_dot   the same -> r . z
//   residual_restrict  read(F), read(x, columns(F)), read(R), read(r, columns(R)), write(rc)
//                                                                            rc = R r - F x
//   prolong            read(P), read(xc, columns(P)), update(x)              x += P xc
//
// A sweep of symmetric Gauss-Seidel goes forwards and then backwards through the rows of a tile; couplings to
// other tiles keep their values from before it. With B the matrix of these couplings left out, the sweep is
// x + S (r - A x) with S = (D+U)^-1 D (D+L)^-1 of B = L + D + U: symmetric if A is. It is done in two ways
// that avoid work: from zero, the forward sweep needs L only; backwards, what L contributes is known from the
// forward sweep, and only U is read. So the work is 1 or 1.5 products with the matrix instead of 2, and a
// tile whose matrix fits into a core's cache reads it from memory once.
//
// `residual_restrict` runs on the coarse rows: F = R A has the rows of A that an injection R keeps, so the
// residual is formed only where it is used. (It cannot be formed in the sweep itself: it needs the new values
// of other tiles.)
#pragma once

#include <cstdint>

#include "runtime/data/dia_matrix.hpp"
#include "runtime/data/kernel.hpp"
#include "runtime/data/sell_matrix.hpp"
#include "runtime/data/sparse_matrix.hpp"

namespace tutti::kernels {

/// Entries per row, on average: costs per row follow from it.
template <class Matrix>
double entries_per_row(const Matrix& a) {
  return static_cast<double>(a.entries()) / static_cast<double>(a.rows().size());
}

Kernel spmv(double row_entries);
Kernel spmv_dot(double row_entries);
Kernel spmv_sell(double row_entries);      ///< read(SellMatrix), ...: the bits of spmv
Kernel spmv_dot_sell(double row_entries);  ///< the bits of spmv_dot
Kernel spmv_dia(double row_entries);       ///< read(DiaMatrix), ...: the bits of spmv
Kernel spmv_dot_dia(double row_entries);   ///< the bits of spmv_dot
Kernel residual(double row_entries);
Kernel jacobi();
Kernel jacobi_dot();
Kernel gauss_seidel_zero(double row_entries);  ///< read(DiaMatrix), ..., as all sweeps
Kernel gauss_seidel_zero_dot(double row_entries);
Kernel gauss_seidel(double row_entries);
Kernel gauss_seidel_dot(double row_entries);
Kernel residual_restrict(double row_entries);
Kernel prolong();

}  // namespace tutti::kernels
