// Preconditioners: each records z = M r, with M symmetric.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <tutti/tutti.hpp>

#include "kernels/sparse.hpp"

class Preconditioner {
 public:
  virtual ~Preconditioner() = default;
  /// Records z = M r and, unless `rz` is null, rz = r . z. Each call uses the same memory between r and z.
  virtual void apply(tutti::Recorder& recorder, const tutti::Vector<double>& r,
                     const tutti::Vector<double>& z, const tutti::Scalar<double>* rz) = 0;
  /// Floating-point operations of one application as HPCG counts them, that is, as if each sweep were done in
  /// full: z = r takes none.
  virtual double flops() const = 0;
};

/// z = r / diagonal. Throws Error(usage) if a row has no diagonal.
std::unique_ptr<Preconditioner> make_jacobi(const tutti::SparseMatrix<double>& a);

/// A V-cycle for the operator of hpcg_matrix on ever coarser grids: one sweep of symmetric Gauss-Seidel
/// before and one after the correction from the next grid, one on the coarsest. Each grid has its own tiles,
/// so small grids have few and lie on few ranks. `levels` at most: fewer where an extent is odd. `diagonal`
/// is that of `a`, as for hpcg_matrix.
std::unique_ptr<Preconditioner> make_multigrid(tutti::Runtime& rt, const tutti::DiaMatrix<double>& a,
                                               const tutti::kernels::GridNumbering& grid,
                                               const tutti::Index3& tile_edge, int levels,
                                               const std::function<double(std::int64_t)>& diagonal = {});
