// Task Bench's task graphs on Tutti: how much a task costs beside its work, and how small it may be. Runs one
// size of task, or (--sweep) finds the smallest that still runs at half of the peak; on request side by side
// with plain MPI, OpenMP tasks and loops, and oneTBB.
#include <fmt/format.h>
#include <tutti/tutti.hpp>

#include "miniapps/metg/metg_options.hpp"
#include "miniapps/metg/one_rank.hpp"
#include "miniapps/metg/results.hpp"
#include "runtime/error.hpp"
#include "runtime/report.hpp"

using namespace tutti;
using namespace metg;

namespace {

using Systems = std::vector<std::unique_ptr<System>>;

void describe(Report& report, const MetgOptions& opt, const Problem& problem) {
  report.problem("pattern", opt.pattern);
  report.problem("width", problem.width(), fmt::format("{} tasks a step", problem.width()));
  report.problem("steps", opt.steps);
  report.problem("graphs", opt.graphs);
  report.problem("kernel", opt.kernel);
  if (!opt.sweep) report.problem("iterations", opt.iterations);
  report.problem("output_bytes", opt.output_bytes);
  if (opt.pattern == "nearest" || opt.pattern == "spread" || opt.pattern == "random_nearest")
    report.problem("radix", opt.radix);
  if (opt.pattern == "spread" || opt.pattern == "random_nearest") report.problem("period", opt.period);
  if (opt.pattern == "random_nearest") report.problem("fraction", opt.fraction);
  if (opt.kernel == "load_imbalance") {
    report.problem("imbalance", opt.imbalance);
    report.problem("persistent", opt.persistent);
  }
  report.problem("checked", !opt.no_check,
                 opt.no_check ? "NO: timed without checking inputs" : "every input");
}

std::unique_ptr<System> make_system(const std::string& name, const MetgOptions& opt, const Problem& problem,
                                    Runtime& rt, const Cores& cores) {
  const std::uint32_t workers = rt.ranks() * rt.workers();
  if (name == "mpi") {
    if (rt.ranks() < 2) usage_error("--against mpi: plain MPI needs 2 ranks or more, and here is 1");
    return make_mpi_system(problem);
  }
  if (rt.ranks() > 1 && cores.of_first_rank.empty())
    usage_error(
        "--against {}: it runs {} threads on one rank, which may use fewer processors; start the ranks "
        "unbound "
        "(scripts/tutti run --bind none, mpirun --bind-to none)",
        name, workers);
  if (name == "one-rank" || name == "static")
    return std::make_unique<OneRankSystem>(name, problem, opt, workers, name != "static" && opt.steal);
  if (name == "omp-task") return make_omp_task_system(problem, workers);
  if (name == "omp-for") return make_omp_for_system(problem, workers);
  return make_tbb_system(problem, workers, cores.of_first_rank);
}

/// By system and round, seconds; the systems take turns in being first.
std::vector<std::vector<double>> time_rounds(Stage& stage, const Systems& systems, const MetgOptions& opt) {
  std::vector<std::vector<double>> seconds(systems.size());
  for (std::size_t round = 0; round < static_cast<std::size_t>(opt.repeat); ++round) {
    stage.measure_floors();
    for (std::size_t i = 0; i < systems.size(); ++i) {
      const std::size_t s = (i + round) % systems.size();
      seconds[s].push_back(stage.run(*systems[s], opt.iterations));
    }
  }
  return seconds;
}

void verify(Report& report, const Stage& stage, const System& system, bool is_checked) {
  const Stage::Verdict verdict = stage.verdict(system);
  const std::string of = system.name() == "tutti" ? "" : "_" + system.name();
  if (is_checked) report.verify("wrong_inputs" + of, verdict.wrong_inputs, 0);
  report.verify("missing_tasks" + of, verdict.missing_tasks, 0);
}

}  // namespace

int main(int argc, char** argv) {
  MetgOptions opt;
  Runtime rt(argc, argv, opt);
  Problem problem = opt.problem(rt.ranks() * rt.workers());
  const Cores cores = assign_cores(rt.transport(), rt.workers());
  Systems systems;
  auto own = std::make_unique<TuttiSystem>("tutti", Place::all_ranks, problem, rt);
  TuttiSystem& tutti = *own;
  systems.push_back(std::move(own));
  for (const std::string& name : opt.systems) systems.push_back(make_system(name, opt, problem, rt, cores));
  Report report(rt);
  describe(report, opt, problem);

  Stage stage(rt, problem, cores, opt.steps);
  for (const auto& system : systems) stage.run(*system, opt.sweep ? 0 : opt.iterations);  // warm-up
  report.checksum(tutti.checksum());

  const bool print = rt.is_root() && !opt.quiet;
  if (opt.sweep)
    report_sweep(report, sweep(stage, systems, opt.repeat), print);
  else
    report_runs(report, stage, systems, time_rounds(stage, systems, opt),
                opt.iterations == 0 || opt.kernel == "empty", print);
  for (const auto& system : systems) verify(report, stage, *system, problem.check);
  return report.finish();
}
