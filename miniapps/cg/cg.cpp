// Conjugate gradients: solves a linear system again and again, checks the solution, and reports how fast it
// went and how the residual fell.
#include <cmath>
#include <optional>
#include <set>

#include <tutti/tutti.hpp>

#include "miniapps/cg/benchmark.hpp"
#include "miniapps/cg/cg_options.hpp"
#include "miniapps/cg/measure.hpp"
#include "miniapps/cg/problem.hpp"
#include "runtime/text.hpp"

using namespace tutti;

namespace {

void solve(Runtime& rt, const CgOptions& opt, Report& report) {
  std::optional<HpcgProblem> hpcg;
  const LinearSystem system = [&] {
    if (opt.matrix.empty()) hpcg.emplace(rt, opt.global_grid(rt.ranks()), opt.tile_edge());
    LinearSystem s = hpcg
                         ? hpcg->system()
                         : read_system(rt, opt.matrix, opt.rhs, opt.seed, opt.tile.empty() ? 0 : opt.tile[0]);
    if (opt.format == "sell") s.sell.emplace(s.a);
    if (opt.format == "dia") s.dia = hpcg ? hpcg->diagonals() : DiaMatrix<double>(s.a);
    return s;
  }();
  report.problem("rows", system.a.rows().size());
  report.problem("entries", system.a.entries());
  report.problem("tiles", system.a.rows().layout().tile_count());
  std::unique_ptr<Preconditioner> preconditioner;
  if (opt.preconditioner == "jacobi") preconditioner = make_jacobi(system.a);
  if (opt.preconditioner == "mg") preconditioner = hpcg->make_multigrid();
  const auto make = opt.solver == "pipelined" ? make_pipelined_cg : make_cg;
  const auto solver = make(rt, system, preconditioner.get(), opt.tolerance, opt.max_iterations);
  solver->start();
  solver->iteration().run(opt.max_iterations < 3 ? opt.max_iterations : 3);  // warm-up

  ProductBandwidth product(rt, system);
  std::set<std::uint64_t> checksums;
  SolutionCheck check;
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
  if (hpcg) report.verify("max_error", check.max_error, check.norm / hpcg->smallest_eigenvalue() + 1e-10);
  report.verify("different_checksums", static_cast<double>(checksums.size() - 1), 0);
  report.checksum(*checksums.begin());
  report.merit("iterations", static_cast<double>(solver->iterations()), "1");
  report.merit("raw_gflops", solver->flops_per_iteration() / report.step_time().median / 1e9, "GFLOP/s",
               "raw");
  product.report(report);
  report.add("residual_history", hexadecimal(history));
  if (!opt.output.empty())
    write_solution(rt, opt.output, system, hpcg ? &*hpcg : nullptr, history, report.provenance());
}

}  // namespace

int main(int argc, char** argv) {
  CgOptions opt;
  Runtime rt(argc, argv, opt);
  Report report(rt);
  if (opt.matrix.empty()) {
    report.problem("problem", opt.problem, "27-point operator of HPCG");
    report.problem("grid", opt.global_grid(rt.ranks()), joined(opt.global_grid(rt.ranks()), " x "));
    report.problem("tile_edge", opt.tile_edge(), joined(opt.tile_edge(), " x "));
  } else {
    report.problem("matrix", opt.matrix);
    report.problem("rhs", opt.rhs);
  }
  report.problem("solver", opt.solver);
  report.problem("preconditioner", opt.preconditioner);
  report.problem("format", opt.format);
  if (opt.benchmark) {
    report.problem("benchmark", true, "the procedure of HPCG");
    run_benchmark(rt, opt, report);
  } else {
    report.problem("tolerance", opt.tolerance);
    solve(rt, opt, report);
  }
  return report.finish();
}
