// The graphs as OpenMP parallel loops: the points of a step are divided once and for all, and a barrier ends
// the step.
#include <omp.h>

#include "miniapps/metg/system.hpp"

namespace metg {
namespace {

class OmpForSystem : public System {
 public:
  OmpForSystem(const Problem& problem, std::uint32_t workers)
      : System("omp-for", Place::first_rank, problem, workers) {
    for (std::size_t g = 0; g < problem.graphs.size(); ++g)
      outputs_.emplace_back(problem, 0, problem.width());
  }

 private:
  void run(std::int64_t first, std::int64_t steps) override {
    const std::uint32_t width = problem().width();
    const auto graphs = static_cast<std::uint32_t>(outputs_.size());
#pragma omp parallel num_threads(static_cast <int>(workers()))
    {
      const auto worker = static_cast<std::uint32_t>(omp_get_thread_num());
      auto phase = static_cast<std::uint32_t>(first % problem().phases());
      for (std::int64_t step = first; step < first + steps; ++step) {
#pragma omp for schedule(static)
        for (std::uint32_t point = 0; point < width; ++point)
          for (std::uint32_t g = 0; g < graphs; ++g) run_point({g, point, step}, phase, worker);
        if (++phase == problem().phases()) phase = 0;
      }
    }
  }

  void run_point(const TaskId& id, std::uint32_t phase, std::uint32_t worker) {
    const Pattern& pattern = problem().graphs[id.graph];
    if (!pattern.is_active(phase, id.point)) return;
    Outputs& outputs = outputs_[id.graph];
    const auto producers = pattern.inputs(phase, id.point);
    run_task(
        problem(), id, producers, [&](std::size_t i) { return outputs.of(id.step - 1, producers[i]); },
        outputs.of(id.step, id.point), state_of(worker));
  }

  std::vector<Outputs> outputs_;  // by graph
};

}  // namespace

std::unique_ptr<System> make_omp_for_system(const Problem& problem, std::uint32_t workers) {
  return std::make_unique<OmpForSystem>(problem, workers);
}

}  // namespace metg
