// Conjugate gradients: solves a linear system again and again, checks the solution, and reports how fast it
// went and how the residual fell.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include <fmt/format.h>
#include <tutti/tutti.hpp>

#include "kernels/sparse.hpp"
#include "kernels/stencil.hpp"
#include "miniapps/cg/cg_options.hpp"
#include "miniapps/cg/measure.hpp"
#include "miniapps/cg/preconditioner.hpp"
#include "miniapps/cg/solver.hpp"
#include "runtime/error.hpp"
#include "runtime/text.hpp"

using namespace tutti;
using kernels::GridNumbering;

namespace {

/// HPCG's operator with the right-hand side whose solution is 1 everywhere.
LinearSystem hpcg_system(Runtime& rt, const Rows& rows, const GridNumbering& grid,
                         const std::string& format) {
  const SparseMatrix<double> a = kernels::hpcg_matrix(rt.transport(), rows, grid);
  LinearSystem system{a, {}, Vector<double>(rows, "x", 1.0), Vector<double>(rows, "b")};
  if (format == "sell") system.sell.emplace(a);
  rt.run("right-hand side", [&](Recorder& r) { system.record_product(r, system.x, system.b); });
  return system;
}

/// The smallest eigenvalue of HPCG's operator: 27 minus the product of 1 + 2 cos(pi / (n + 1)).
double smallest_eigenvalue(const Index3& n) {
  double product = 1;
  for (const std::int64_t m : n) product *= 1 + 2 * std::cos(std::numbers::pi / static_cast<double>(m + 1));
  return 27 - product;
}

/// What the solution is checked by.
struct Check {
  double residual = 0;   // |b - A x| / |b|
  double norm = 0;       // |b - A x|
  double max_error = 0;  // of x against 1
  std::uint64_t checksum = 0;
};

Check check_solution(Runtime& rt, const LinearSystem& system) {
  const Rows& rows = system.a.rows();
  const Vector<double> r(rows, "true residual"), error(rows, "error", 1.0);
  Scalar<double> rr(rt, "rr"), bb(rt, "bb"), largest(rt, "largest"), minus(rt, "minus", -1.0);
  Scalar<std::uint64_t> hash(rt, "checksum");
  rt.run("check", [&](Recorder& rec) {
    rec.each(rows, kernels::residual(kernels::entries_per_row(system.a)), read(system.a),
             read(system.x, columns(system.a)), read(system.b), write(r));
    rec.reduce(rows, kernels::norm2(), sum(rr), read(r));
    rec.reduce(rows, kernels::norm2(), sum(bb), read(system.b));
    rec.each(rows, kernels::axpy(), read(minus), read(system.x), update(error));
    rec.reduce(rows, kernels::max_abs(), max(largest), read(error));
    rec.reduce(rows, kernels::checksum({1, 1, rows.size()}), sum(hash), read(system.x));
  });
  return {std::sqrt(rr.get()) / std::sqrt(bb.get()), std::sqrt(rr.get()), largest.get(), hash.get()};
}

std::vector<std::string> hexadecimal(const std::vector<double>& values) {
  std::vector<std::string> text;
  for (const double v : values) text.push_back(fmt::format("{:a}", v));
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  CgOptions opt;
  Runtime rt(argc, argv, opt);
  Report report(rt);
  const Index3 extents = opt.global_grid(rt.ranks());
  const GridNumbering grid(extents, opt.tile_edge());
  const Rows rows(rt, grid.bounds());
  report.problem("problem", "hpcg", "27-point operator of HPCG");
  report.problem("grid", extents, joined(std::vector<std::int64_t>(extents.begin(), extents.end()), " x "));
  report.problem("tiles", rows.layout().tile_count());
  report.problem("solver", opt.solver);
  report.problem("preconditioner", opt.preconditioner);
  report.problem("format", opt.format);
  report.problem("tolerance", opt.tolerance);

  const LinearSystem system = hpcg_system(rt, rows, grid, opt.format);
  std::unique_ptr<Preconditioner> preconditioner;
  if (opt.preconditioner == "jacobi") preconditioner = make_jacobi(system.a);
  if (opt.preconditioner == "mg") preconditioner = make_multigrid(rt, system.a, grid, opt.tile_edge(), 4);
  const auto make = opt.solver == "pipelined" ? make_pipelined_cg : make_cg;
  const auto solver = make(rt, system, preconditioner.get(), opt.tolerance, opt.max_iterations);
  solver->start();
  solver->iteration().run(std::min<std::int64_t>(opt.max_iterations, 3));  // warm-up

  ProductBandwidth product(rt, system);
  std::set<std::uint64_t> checksums;
  Check check;
  for (int repeat = 0; repeat < opt.repeat; ++repeat) {
    product.measure();
    solver->start();
    report.time(solver->iteration(), opt.max_iterations);
    check = check_solution(rt, system);
    checksums.insert(check.checksum);
  }

  const std::vector<double> history = solver->history();
  if (opt.tolerance > 0) report.verify("residual", history.back(), opt.tolerance);
  report.verify("residual_gap", std::abs(check.residual - history.back()), 1e-11);
  const double rounding = 1e-12 * static_cast<double>(*std::max_element(extents.begin(), extents.end()));
  report.verify("max_error", check.max_error, check.norm / smallest_eigenvalue(extents) + rounding);
  report.verify("different_checksums", static_cast<double>(checksums.size() - 1), 0);
  report.checksum(*checksums.begin());
  report.merit("iterations", static_cast<double>(solver->iterations()), "1");
  report.merit("raw_gflops", solver->flops_per_iteration() / report.step_time().median / 1e9, "GFLOP/s",
               "operations as HPCG counts");
  product.report(report);
  report.add("residual_history", hexadecimal(history));
  return report.finish();
}
