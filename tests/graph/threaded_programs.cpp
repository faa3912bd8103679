// Random programs on real threads, 1 to 4 ranks in this process with 1 to 3 workers each, in the tasks and
// bulk schedules, must equal their sequential interpretation exactly. Messages go through shared memory
// between no ranks, some, or all.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/graph/local_job.hpp"
#include "tests/graph/random_job.hpp"

namespace tutti::test {
namespace {

void try_program(std::uint64_t seed, Schedule schedule) {
  const RandomProgram program = RandomProgram::make(seed);
  const auto ranks = static_cast<std::uint32_t>(1 + seed % 4);
  Options options;
  options.threads = static_cast<int>(1 + seed / 4 % 3);
  options.schedule = schedule;
  options.watchdog_s = 60;
  const auto per_node = static_cast<std::uint32_t>(seed / 12 % 3 * 2);
  SCOPED_TRACE(fmt::format("{} ranks, {} on a node, x {} workers, {}", ranks, per_node, options.threads,
                           program.describe()));
  const RandomJob job(program);
  run_local_job(
      ranks, options, [&](Runtime& rt) { job.run(rt); }, per_node);
}

class ThreadedPrograms : public ::testing::TestWithParam<Schedule> {};

TEST_P(ThreadedPrograms, EqualSequentialExecution) {
  for_seeds(1, 150, [](std::uint64_t seed) { try_program(seed, GetParam()); });
}

INSTANTIATE_TEST_SUITE_P(Schedules, ThreadedPrograms, ::testing::Values(Schedule::tasks, Schedule::bulk),
                         [](const auto& info) { return info.param == Schedule::tasks ? "tasks" : "bulk"; });

}  // namespace
}  // namespace tutti::test
