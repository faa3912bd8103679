// What cg can be asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/data/box.hpp"
#include "runtime/options.hpp"

struct CgOptions : tutti::Options {
  std::string problem = "hpcg";
  std::string matrix;              ///< a Matrix Market file, instead of `problem`
  std::string rhs;                 ///< with `matrix`: ones, random, or a Matrix Market file
  std::vector<std::int64_t> grid;  ///< points per rank, or of the whole grid with `global`
  bool global = false;
  std::string solver;          ///< cg, pcg or pipelined; empty: what fits the preconditioner
  std::string preconditioner;  ///< none, jacobi or mg; empty: none for cg, else jacobi or (hpcg) mg
  double tolerance = 1e-9;     ///< of |r| / |b|; 0: all iterations are done
  std::int64_t max_iterations = 500;
  std::string format;  ///< of the matrix in products: csr or sell; empty: sell for hpcg

  bool benchmark = false;   ///< the procedure of HPCG instead of one problem
  double benchmark_s = 60;  ///< of timed iterations

  std::string app_name() const override { return "cg"; }
  std::string app_description() const override { return "conjugate gradients with multigrid"; }
  void declare(CLI::App& app) override;
  void validate() override;

  /// Points of the whole grid: per-rank grids side by side, as cubic as the number of ranks allows.
  tutti::Index3 global_grid(std::uint32_t ranks) const;
  /// hpcg: points per tile along each dimension, at most. By default 13, 26 and 128: whole lines of points
  /// for kernels::gauss_seidel, and matrices that stay in the last-level cache between its two sweeps. Larger
  /// tiles take fewer iterations, smaller ones are read from memory less often.
  tutti::Index3 tile_edge() const;

 private:
  void validate_grid();
  void validate_matrix();
};
