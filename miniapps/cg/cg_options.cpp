#include "miniapps/cg/cg_options.hpp"

#include <algorithm>

#include "runtime/error.hpp"

using tutti::usage_error;

void CgOptions::declare(CLI::App& app) {
  tutti::add_choice(app, "--problem", problem, {"hpcg"}, "27-point operator on a grid (default: hpcg)");
  tutti::add_text(app, "--matrix", matrix, "a symmetric matrix from a Matrix Market file, also .gz, instead");
  tutti::add_text(app, "--rhs", rhs,
                  "its right-hand side: ones, random (see --seed) or a file (default: ones)");
  tutti::add_extents(app, "--grid", grid, "points of each rank's part of the grid (default: 32,32,32)");
  tutti::add_flag(app, "--global", global, "--grid is that of all ranks together");
  tutti::add_choice(app, "--solver", solver, {"cg", "pcg", "pipelined"},
                    "conjugate gradients: plain, preconditioned, or with its sums overlapped\n"
                    "(default: pcg)");
  tutti::add_choice(app, "--preconditioner", preconditioner, {"none", "jacobi", "mg"},
                    "mg: a V-cycle of multigrid (default: mg; for --matrix: jacobi; for cg: none)");
  tutti::add_number(app, "--tolerance", tolerance, 0, "of |r| / |b|; 0: do all iterations (default: 1e-9)");
  tutti::add_integer(app, "--max-iterations", max_iterations, 1, "(default: 500)");
  tutti::add_choice(app, "--format", format, {"csr", "sell", "dia"},
                    "of the matrix in products (default: dia; for --matrix: csr)");
  tutti::add_flag(app, "--benchmark", benchmark, "the procedure of the HPCG benchmark, with its rating");
  tutti::add_number(app, "--benchmark-time", benchmark_s, 0, "seconds of timed iterations (default: 60)");
}

void CgOptions::validate() {
  if (solver.empty()) solver = "pcg";
  if (preconditioner.empty()) preconditioner = solver == "cg" ? "none" : matrix.empty() ? "mg" : "jacobi";
  if (format.empty()) format = matrix.empty() ? "dia" : "csr";
  if (solver == "cg" && preconditioner != "none")
    usage_error("--solver cg takes no preconditioner; use --solver pcg");
  if (schedule == tutti::Schedule::kokkos)
    usage_error("--schedule kokkos: the kernels on sparse matrices have no Kokkos body; use tasks or bulk");
  if (matrix.empty())
    validate_grid();
  else
    validate_matrix();
}

void CgOptions::validate_grid() {
  if (!rhs.empty()) usage_error("--rhs needs --matrix; the right-hand side of hpcg is known");
  if (grid.empty()) grid.assign(3, 32);
  if (grid.size() == 1) grid.assign(3, grid[0]);
  if (grid.size() != 3) usage_error("--grid takes NX,NY,NZ, not {} numbers", grid.size());
  if (tile.size() == 1) tile.assign(3, tile[0]);
  if (!tile.empty() && tile.size() != 3) usage_error("--tile takes 1 or 3 numbers, not {}", tile.size());
  if (!benchmark) return;
  if (solver != "pcg" || preconditioner != "mg")
    usage_error("--benchmark is defined for --solver pcg --preconditioner mg only");
  if (global) usage_error("--benchmark takes the grid of a rank; leave --global out");
  for (const std::int64_t n : grid)
    if (n % 8 != 0) usage_error("--benchmark: {} points are not divisible by 8", n);
}

void CgOptions::validate_matrix() {
  if (!grid.empty() || global || benchmark)
    usage_error("--matrix excludes --grid, --global and --benchmark, which are about hpcg");
  if (preconditioner == "mg") usage_error("--preconditioner mg is for --problem hpcg; use jacobi or none");
  if (tile.size() > 1) usage_error("--tile with --matrix takes one number, the rows of a tile");
  if (rhs.empty()) rhs = "ones";
}

tutti::Index3 CgOptions::global_grid(std::uint32_t ranks) const {
  tutti::Index3 n{grid[0], grid[1], grid[2]};
  if (global) return n;
  tutti::Index3 best{ranks, 1, 1};
  for (std::int64_t p0 = ranks; p0 >= 1; --p0)
    for (std::int64_t p1 = ranks / p0; p1 >= 1; --p1) {
      const std::int64_t p2 = ranks / p0 / p1;
      if (p0 * p1 * p2 == ranks && p0 >= p1 && p1 >= p2 && p0 + p1 + p2 < best[0] + best[1] + best[2])
        best = {p0, p1, p2};
    }
  for (int d = 0; d < 3; ++d) n[d] *= best[d];
  return n;
}

tutti::Index3 CgOptions::tile_edge() const {
  if (tile.empty()) return {13, 26, 128};
  return {tile[0], tile[1], tile[2]};
}
