#include "miniapps/cg/preconditioner.hpp"

#include <algorithm>
#include <deque>
#include <optional>

#include "runtime/error.hpp"

using namespace tutti;
using kernels::GridNumbering;

namespace {

/// An operation that leaves r . z as well if it is asked for.
template <class... A>
void each_or_reduce(Recorder& r, const Rows& rows, const Kernel& plain, const Kernel& with_dot,
                    const Scalar<double>* rz, A... accesses) {
  if (rz == nullptr)
    r.each(rows, plain, std::move(accesses)...);
  else
    r.reduce(rows, with_dot, sum(*rz), std::move(accesses)...);
}

class Jacobi : public Preconditioner {
 public:
  explicit Jacobi(const SparseMatrix<double>& a) : a_(a) {
    if (!a.has_diagonal()) usage_error("--preconditioner jacobi: a row of the matrix has no diagonal entry");
  }
  void apply(Recorder& recorder, const Vector<double>& r, const Vector<double>& z,
             const Scalar<double>* rz) override {
    each_or_reduce(recorder, a_.rows(), kernels::jacobi(), kernels::jacobi_dot(), rz, read(a_), read(r),
                   write(z));
  }
  double flops() const override { return static_cast<double>(a_.rows().size()); }

 private:
  SparseMatrix<double> a_;
};

class Multigrid : public Preconditioner {
 public:
  Multigrid(Runtime& rt, const DiaMatrix<double>& a, const GridNumbering& grid, const Index3& edge,
            int levels, const std::function<double(std::int64_t)>& diagonal) {
    levels_.push_back({grid, a, Vector<double>(a.rows(), "u0"), {}, {}, {}});
    while (static_cast<int>(levels_.size()) < levels && can_halve(levels_.back().grid))
      add_level(rt, edge, levels_.size() == 1 ? diagonal : nullptr);
  }

  void apply(Recorder& recorder, const Vector<double>& r, const Vector<double>& z,
             const Scalar<double>* rz) override {
    cycle(recorder, 0, r, z, rz);
  }

  double flops() const override {
    double total = 0;
    for (std::size_t l = 0; l < levels_.size(); ++l)
      total += (l + 1 < levels_.size() ? 10.0 : 4.0) * static_cast<double>(levels_[l].a.entries());
    return total;
  }

 private:
  struct Level {
    GridNumbering grid;
    DiaMatrix<double> a;
    Vector<double> u;                 // between the two sweeps
    std::optional<Vector<double>> r;  // right-hand side and solution, of all grids but the first
    std::optional<Vector<double>> z;
    std::optional<kernels::GridTransfer> to_next;
  };

  static bool can_halve(const GridNumbering& grid) {
    return std::all_of(grid.extents().begin(), grid.extents().end(),
                       [](std::int64_t n) { return n % 2 == 0; });
  }

  void add_level(Runtime& rt, const Index3& edge, const std::function<double(std::int64_t)>& diagonal) {
    Level& fine = levels_.back();
    const Index3& n = fine.grid.extents();
    const GridNumbering grid({n[0] / 2, n[1] / 2, n[2] / 2}, edge);
    const Rows rows(rt, grid.bounds());
    fine.to_next = kernels::hpcg_transfer(rt.transport(), fine.a.rows(), fine.grid, rows, grid, diagonal);
    const auto label = [&](const char* name) { return fmt::format("{}{}", name, levels_.size()); };
    levels_.push_back({grid,
                       DiaMatrix<double>(kernels::hpcg_matrix(rt.transport(), rows, grid)),
                       Vector<double>(rows, label("u")),
                       Vector<double>(rows, label("r")),
                       Vector<double>(rows, label("z")),
                       {}});
  }

  void cycle(Recorder& recorder, std::size_t l, const Vector<double>& r, const Vector<double>& z,
             const Scalar<double>* rz) {
    const Level& level = levels_[l];
    const DiaMatrix<double>& a = level.a;
    const double n = kernels::entries_per_row(a);
    if (!level.to_next) {
      each_or_reduce(recorder, a.rows(), kernels::gauss_seidel_zero(n), kernels::gauss_seidel_zero_dot(n), rz,
                     read(a), read(r), write(z));
      return;
    }
    const Level& next = levels_[l + 1];
    const kernels::GridTransfer& t = *level.to_next;
    recorder.each(a.rows(), kernels::gauss_seidel_zero(n), read(a), read(r), write(level.u));
    recorder.each(next.a.rows(), kernels::residual_restrict(kernels::entries_per_row(t.kept_rows)),
                  read(t.kept_rows), read(level.u, columns(t.kept_rows)), read(t.injection),
                  read(r, columns(t.injection)), write(*next.r));
    cycle(recorder, l + 1, *next.r, *next.z, nullptr);
    recorder.each(a.rows(), kernels::prolong(), read(t.prolongation), read(*next.z, columns(t.prolongation)),
                  update(level.u));
    each_or_reduce(recorder, a.rows(), kernels::gauss_seidel(n), kernels::gauss_seidel_dot(n), rz, read(a),
                   read(level.u, columns(a)), read(r), write(z));
  }

  std::deque<Level> levels_;  // finest first; stays in place while it grows
};

}  // namespace

std::unique_ptr<Preconditioner> make_jacobi(const SparseMatrix<double>& a) {
  return std::make_unique<Jacobi>(a);
}

std::unique_ptr<Preconditioner> make_multigrid(Runtime& rt, const DiaMatrix<double>& a,
                                               const GridNumbering& grid, const Index3& tile_edge, int levels,
                                               const std::function<double(std::int64_t)>& diagonal) {
  return std::make_unique<Multigrid>(rt, a, grid, tile_edge, levels, diagonal);
}
