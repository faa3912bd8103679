#include "miniapps/metg/stage.hpp"

#include <chrono>
#include <cmath>
#include <ctime>
#include <thread>

#include "miniapps/metg/floors.hpp"
#include "miniapps/metg/ranks.hpp"

namespace metg {

using namespace tutti;

namespace {

// Until the other threads of this process sleep: those of a team or of a pool go on spinning for a while when
// there is nothing to do, on cores that others need. Not for ever: they may be told to spin always.
void wait_for_sleepers() {
  using namespace std::chrono_literals;
  constexpr auto look = 2ms;
  constexpr double idle_part = 0.1;
  for (int i = 0; i < 100; ++i) {
    const std::clock_t before = std::clock();
    std::this_thread::sleep_for(look);
    const double used_s = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    if (used_s < idle_part * std::chrono::duration<double>(look).count()) return;
  }
}

double seconds_of(System& system, std::int64_t steps) {
  const auto begin = std::chrono::steady_clock::now();
  system.advance(steps);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

double Stage::run(System& system, std::int64_t iterations) {
  settle(&system);
  problem_.work.iterations = iterations;
  const double mine = system.place() == Place::all_ranks ? run_on_all(system) : run_on_first(system);
  return rt_.transport().max(mine);
}

double Stage::run_on_all(System& system) {
  const Pinned pinned(cores_.of_rank);
  system.prepare(steps_);
  rt_.transport().barrier();
  return seconds_of(system, steps_);
}

double Stage::run_on_first(System& system) {
  double elapsed = 0;
  if (rt_.is_root()) {
    const Pinned pinned(cores_.of_first_rank);
    system.prepare(steps_);
    elapsed = seconds_of(system, steps_);
  }
  wait_for_first_rank();
  return elapsed;
}

void Stage::settle(const System* next) {
  if (next == last_) return;
  last_ = next;
  wait_for_sleepers();
  wait_for_first_rank();
  rt_.transport().barrier();
}

double Stage::tasks() const {
  double sum = 0;
  for (const Pattern& p : problem_.graphs) sum += static_cast<double>(p.tasks(steps_));
  return sum;
}

double Stage::kernel_iterations(const System& system, std::int64_t iterations) const {
  if (problem_.work.kind != KernelKind::load_imbalance) return tasks() * static_cast<double>(iterations);
  TaskWork work = problem_.work;
  work.iterations = iterations;
  double sum = 0;
  for (std::int64_t step = system.steps_done(); step < system.steps_done() + steps_; ++step)
    for (std::uint32_t g = 0; g < problem_.graphs.size(); ++g)
      for (std::uint32_t point = 0; point < problem_.width(); ++point)
        if (problem_.graphs[g].is_active(static_cast<std::uint32_t>(step % problem_.phases()), point))
          sum += static_cast<double>(work.iterations_of({g, point, step}));
  return sum;
}

double Stage::workers(const System& system) const {
  return static_cast<double>(system.workers()) *
         (system.place() == Place::all_ranks ? static_cast<double>(rt_.ranks()) : 1);
}

double Stage::iteration_cost_ns() {
  settle(nullptr);
  return rt_.transport().max(rt_.is_root() ? metg::iteration_cost_ns(problem_.work) : 0);
}

void Stage::measure_floors() {
  settle(nullptr);
  const double mine = rt_.is_root() ? cache_line_latency_ns(cores_.of_first_rank) : 0;
  wait_for_first_rank();
  lines_ns_.push_back(rt_.transport().max(mine));
  const Pinned pinned(cores_.of_rank);
  messages_ns_.push_back(message_latency_ns());
}

Stage::Verdict Stage::verdict(const System& system) const {
  const bool counts = system.place() == Place::all_ranks || rt_.is_root();
  const Tally mine = counts ? system.tally() : Tally{};
  const auto total = [&](std::uint64_t n) { return static_cast<double>(rt_.transport().sum(n)); };
  // the first rank knows how many steps there were
  const auto steps = static_cast<std::int64_t>(
      rt_.transport().sum(rt_.is_root() ? static_cast<std::uint64_t>(system.steps_done()) : 0));
  double tasks = 0;
  double inputs = 0;
  for (const Pattern& p : problem_.graphs) {
    tasks += static_cast<double>(p.tasks(steps));
    if (problem_.check) inputs += static_cast<double>(p.input_count(0, steps));
  }
  return {total(mine.failures), std::abs(total(mine.tasks) - tasks) + std::abs(total(mine.inputs) - inputs)};
}

}  // namespace metg
