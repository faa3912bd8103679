// Random programs on real threads, 1 to 4 ranks in this process with 1 to 3 workers each, in the tasks
// schedule (in both orders) and the bulk schedule, must equal their sequential interpretation exactly.
// Messages go through shared memory between no ranks, some, or all.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/graph/local_job.hpp"
#include "tests/graph/random_job.hpp"

namespace tutti::test {
namespace {

struct Way {
  const char* name;
  Schedule schedule;
  Order order;
};

void try_program(std::uint64_t seed, const Way& way) {
  const RandomProgram program = RandomProgram::make(seed);
  const auto ranks = static_cast<std::uint32_t>(1 + seed % 4);
  Options options;
  options.threads = static_cast<int>(1 + seed / 4 % 3);
  options.schedule = way.schedule;
  options.task_order = way.order;
  options.watchdog_s = 60;
  const auto per_node = static_cast<std::uint32_t>(seed / 12 % 3 * 2);
  SCOPED_TRACE(fmt::format("{} ranks, {} on a node, x {} workers, {}", ranks, per_node, options.threads,
                           program.describe()));
  const RandomJob job(program);
  run_local_job(
      ranks, options, [&](Runtime& rt) { job.run(rt); }, per_node);
}

class ThreadedPrograms : public ::testing::TestWithParam<Way> {};

TEST_P(ThreadedPrograms, EqualSequentialExecution) {
  for_seeds(1, 150, [](std::uint64_t seed) { try_program(seed, GetParam()); });
}

INSTANTIATE_TEST_SUITE_P(Ways, ThreadedPrograms,
                         ::testing::Values(Way{"tasks", Schedule::tasks, Order::automatic},
                                           Way{"free_order", Schedule::tasks, Order::free},
                                           Way{"fixed_order", Schedule::tasks, Order::fixed},
                                           Way{"single_order", Schedule::tasks, Order::single},
                                           Way{"bulk", Schedule::bulk, Order::automatic}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tutti::test
