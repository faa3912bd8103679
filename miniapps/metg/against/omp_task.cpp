// The graphs as OpenMP tasks with dependences: one thread creates all tasks, in program order.
#include <omp.h>

#include "miniapps/metg/system.hpp"

namespace metg {
namespace {

class OmpTaskSystem : public System {
 public:
  OmpTaskSystem(const Problem& problem, std::uint32_t workers)
      : System("omp-task", Place::first_rank, problem, workers) {
    for (std::size_t g = 0; g < problem.graphs.size(); ++g)
      outputs_.emplace_back(problem, 0, problem.width());
  }

 private:
  void run(std::int64_t first, std::int64_t steps) override {
#pragma omp parallel num_threads(static_cast <int>(workers()))
#pragma omp single
    for (std::int64_t step = first; step < first + steps; ++step) {
      const auto phase = static_cast<std::uint32_t>(step % problem().phases());
      for (std::uint32_t g = 0; g < outputs_.size(); ++g)
        for (std::uint32_t point = 0; point < problem().width(); ++point)
          if (problem().graphs[g].is_active(phase, point)) create_task({g, point, step}, phase);
    }
  }

  // The first word of an output stands for all of it. Its memory was that of two steps before, so a task also
  // waits for the readers of that.
  void create_task(const TaskId& id, std::uint32_t phase) {
    Outputs* outputs = &outputs_[id.graph];
    const auto producers = problem().graphs[id.graph].inputs(phase, id.point);
    const std::size_t n = producers.size();
    std::uint64_t* out = outputs->of(id.step, id.point);
#pragma omp task firstprivate(id, outputs, producers, out) depend(iterator(std::size_t i = 0                 \
                                                                           : n),                             \
                                                                  in                                         \
                                                                  : *outputs->of(id.step - 1, producers[i])) \
    depend(out                                                                                               \
           : *out)
    {
      const auto worker = static_cast<std::uint32_t>(omp_get_thread_num());
      run_task(
          problem(), id, producers, [&](std::size_t i) { return outputs->of(id.step - 1, producers[i]); },
          out, state_of(worker));
    }
  }

  std::vector<Outputs> outputs_;  // by graph
};

}  // namespace

std::unique_ptr<System> make_omp_task_system(const Problem& problem, std::uint32_t workers) {
  return std::make_unique<OmpTaskSystem>(problem, workers);
}

}  // namespace metg
