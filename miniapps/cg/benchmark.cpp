#include "miniapps/cg/benchmark.hpp"

#include <chrono>
#include <cmath>
#include <optional>
#include <set>

#include "miniapps/cg/measure.hpp"
#include "miniapps/cg/problem.hpp"
#include "runtime/error.hpp"
#include "runtime/text.hpp"

using namespace tutti;

namespace {

constexpr std::int64_t reference_iterations = 50;

/// Seconds of the slowest rank.
template <class Work>
double seconds(Runtime& rt, const Work& work) {
  rt.transport().barrier();
  const auto begin = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return rt.transport().max(took.count());
}

/// The reference's |r| / |b|, and its time for an iteration.
struct Reference {
  double residual = 0;
  double iteration_s = 0;
};
Reference run_reference(Runtime& rt, const CgOptions& opt) {
  const Index3 edge{opt.grid[0], opt.grid[1], opt.grid[2]};
  const HpcgProblem problem(rt, opt.global_grid(rt.ranks()), edge);
  const auto mg = problem.make_multigrid();
  LinearSystem system = problem.system();
  system.dia = problem.diagonals();
  const auto solver = make_cg(rt, system, mg.get(), 0, reference_iterations);
  solver->start();
  Reference reference;
  reference.iteration_s =
      seconds(rt, [&] { solver->iteration().run(reference_iterations); }) / reference_iterations;
  reference.residual = solver->history().back();
  return reference;
}

/// Iterations to 1e-12 where the diagonal is a million times larger, and more so at nine points: plain and
/// preconditioned.
void run_spectral_test(Runtime& rt, const CgOptions& opt, Report& report) {
  const auto diagonal = [](std::int64_t point) {
    return 26e6 * (point < 9 ? static_cast<double>(point + 2) : 1.0);
  };
  const HpcgProblem problem(rt, opt.global_grid(rt.ranks()), opt.tile_edge(), diagonal);
  const auto mg = problem.make_multigrid();
  for (Preconditioner* m : {static_cast<Preconditioner*>(nullptr), mg.get()}) {
    const auto solver = make_cg(rt, problem.system(), m, 1e-12, 50);
    solver->start();
    report.verify(m ? "spectral_test_preconditioned" : "spectral_test_plain",
                  static_cast<double>(solver->iteration().run(50)), m ? 2 : 12);
  }
}

/// Operations of a set of `iterations`: besides these, the start has a product and the vector operations of
/// HPCG's own (two sums and an update).
double set_flops(const Solver& solver, const LinearSystem& system, std::int64_t iterations) {
  const auto rows = static_cast<double>(system.a.rows().size());
  return static_cast<double>(iterations) * solver.flops_per_iteration() +
         2 * static_cast<double>(system.a.entries()) + 4 * rows;
}

}  // namespace

void run_benchmark(Runtime& rt, const CgOptions& opt, Report& report) {
  const Reference reference = run_reference(rt, opt);
  run_spectral_test(rt, opt, report);

  std::optional<HpcgProblem> problem;
  std::optional<LinearSystem> system;
  std::unique_ptr<Preconditioner> mg;
  std::unique_ptr<Solver> solver;
  const std::int64_t most = 10 * reference_iterations;
  const double make_s =
      seconds(rt, [&] { problem.emplace(rt, opt.global_grid(rt.ranks()), opt.tile_edge()); });
  const double optimise_s = seconds(rt, [&] {
    mg = problem->make_multigrid();
    system.emplace(problem->system());
    if (opt.format == "sell") system->sell.emplace(system->a);
    if (opt.format == "dia") system->dia = problem->diagonals();
    solver = make_cg(rt, *system, mg.get(), reference.residual, most);
  });
  const Asymmetry departure = asymmetry(rt, *system, *mg, opt.seed);
  report.verify("asymmetry_matrix", departure.matrix, 1e-14);
  report.verify("asymmetry_preconditioner", departure.preconditioner, 1e-14);

  // how many iterations it takes; these are also the warm-up
  solver->start();
  const double trial_s = seconds(rt, [&] { solver->iteration().run(most); });
  const std::int64_t iterations = solver->iterations();
  report.verify("residual", solver->history().back(), reference.residual);
  const auto sets = static_cast<std::int64_t>(std::ceil(std::max(1.0, opt.benchmark_s / trial_s)));

  ProductBandwidth product(rt, *system);
  std::set<std::uint64_t> checksums;
  double time_s = 0;
  for (std::int64_t s = 0; s < sets; ++s) {
    if (s < opt.repeat) product.measure();
    time_s += seconds(rt, [&] { solver->start(); });
    time_s += report.time(solver->iteration(), iterations) * static_cast<double>(iterations);
    if (s == 0 || s + 1 == sets) checksums.insert(check_solution(rt, *system).checksum);
  }
  const auto n = static_cast<double>(sets);
  const double charged_s = time_s + n * (make_s / 10 + optimise_s / 10);
  const double rating = n * set_flops(*solver, *system, reference_iterations) / charged_s / 1e9;
  report.verify("different_checksums", static_cast<double>(checksums.size() - 1), 0);
  report.checksum(*checksums.begin());
  report.merit("rating_gflops", rating, "GFLOP/s", "rating");
  report.merit("raw_gflops", n * set_flops(*solver, *system, iterations) / time_s / 1e9, "GFLOP/s", "raw");
  report.merit("rating_per_triad", rating / product.triad_gb_s(), "1", "rating per GB/s");
  report.merit("iterations", static_cast<double>(iterations), "1");
  report.merit("reference_iteration_s", reference.iteration_s, "s", "reference iteration");
  report.merit("sets", n, "1");
  report.merit("make_s", make_s, "s", "making the problem");
  report.merit("optimise_s", optimise_s, "s", "optimising it");
  product.report(report);
  report.add("residual_history", hexadecimal(solver->history()));
  if (!opt.output.empty())
    write_solution(rt, opt.output, *system, &*problem, solver->history(), report.provenance());
}
