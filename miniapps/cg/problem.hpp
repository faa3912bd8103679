// The systems that cg solves, and how a solution is checked.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <tutti/tutti.hpp>

#include "kernels/sparse.hpp"
#include "miniapps/cg/preconditioner.hpp"
#include "miniapps/cg/solver.hpp"
#include "runtime/io/vector_file.hpp"

/// HPCG's operator on a grid, with the right-hand side whose solution is 1 everywhere.
class HpcgProblem {
 public:
  /// `diagonal` as for kernels::hpcg_matrix. Collective.
  HpcgProblem(tutti::Runtime& rt, const tutti::Index3& extents, const tutti::Index3& tile_edge,
              const std::function<double(std::int64_t)>& diagonal = {});

  const LinearSystem& system() const { return system_; }
  const tutti::Rows& rows() const { return rows_; }
  /// The matrix as diagonals, which multigrid needs and products may use. Made once.
  const tutti::DiaMatrix<double>& diagonals() const {
    if (!diagonals_) diagonals_.emplace(system_.a);
    return *diagonals_;
  }
  std::unique_ptr<Preconditioner> make_multigrid() const {
    return ::make_multigrid(rt_, diagonals(), grid_, tile_edge_, hpcg_levels, diagonal_);
  }
  /// Vectors as arrays of the grid's extents.
  tutti::VectorShape grid_shape() const {
    return {{grid_.extents().begin(), grid_.extents().end()},
            [this](tutti::TileId tile) { return grid_.tile_box(tile); }};
  }
  /// 27 minus the product of 1 + 2 cos(pi / (n + 1)) over the dimensions. Only for the diagonal of 26.
  double smallest_eigenvalue() const;

  static constexpr int hpcg_levels = 4;

 private:
  tutti::Runtime& rt_;
  tutti::Index3 tile_edge_;
  std::function<double(std::int64_t)> diagonal_;
  tutti::kernels::GridNumbering grid_;
  tutti::Rows rows_;
  LinearSystem system_;
  mutable std::optional<tutti::DiaMatrix<double>> diagonals_;
};

/// A matrix from a Matrix Market file, and its right-hand side: "ones", "random" (from `seed`) or a file.
/// Each tile has `rows_per_tile` rows; 0: so many that a tile's matrix fits into a second-level cache, on
/// average. Throws Error(usage) for a matrix that is not square, gives an entry twice or leaves the file's
/// own rules. Collective.
LinearSystem read_system(tutti::Runtime& rt, const std::string& matrix, const std::string& rhs,
                         std::uint64_t seed, std::int64_t rows_per_tile);

/// What a solution is checked by.
struct SolutionCheck {
  double residual = 0;         ///< |b - A x| / |b|
  double norm = 0;             ///< |b - A x|
  double max_error = 0;        ///< of x against 1
  std::uint64_t checksum = 0;  ///< of x
};
SolutionCheck check_solution(tutti::Runtime& rt, const LinearSystem& system);

/// An HDF5 file with the solution as dataset `x`, of the grid's extents for `hpcg` (else null), and with
/// `residual_history`. Collective.
void write_solution(tutti::Runtime& rt, const std::string& path, const LinearSystem& system,
                    const HpcgProblem* hpcg, const std::vector<double>& history,
                    const nlohmann::json& provenance);

/// |x'Ay - y'Ax| / (|x| |Ay|) for vectors of random numbers, with A the matrix or M, the preconditioner.
struct Asymmetry {
  double matrix = 0;
  double preconditioner = 0;
};
Asymmetry asymmetry(tutti::Runtime& rt, const LinearSystem& system, Preconditioner& preconditioner,
                    std::uint64_t seed);
