// Random programs on real threads, 1 to 4 ranks in this process with 1 to 3 workers each, in the tasks and
// bulk schedules, must equal their sequential interpretation exactly. Messages go through shared memory
// between no ranks, some, or all.
#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/graph/local_job.hpp"
#include "tests/graph/random_program.hpp"

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

  std::vector<Oracle> oracles;  // one after each run
  std::vector<std::int64_t> expected;
  oracles.emplace_back(program);
  for (const std::int64_t steps : program.runs) {
    oracles.push_back(oracles.back());
    if (const RandomStatement* swap = program.outside_swap(); swap && !expected.empty())
      oracles.back().swap_fields(*swap);
    expected.push_back(oracles.back().run(steps));
  }
  const auto body = [&](Runtime& rt) {
    RecordedProgram data(program, rt, rt.transport());
    Graph graph = rt.record("random", static_cast<int>(program.phases.size()),
                            [&](Recorder& r, int phase) { data.record(r, phase); });
    const RandomStatement* swap = program.outside_swap();
    Graph outside = rt.record("outside", [&](Recorder& r) {
      if (swap) data.record_swap(r, *swap);
    });
    for (std::size_t i = 0; i < program.runs.size(); ++i) {
      if (i > 0) outside.run(1);
      EXPECT_EQ(graph.run(program.runs[i]), expected[i]);
      EXPECT_EQ(oracles[i + 1].difference(data), "");
    }
  };
  run_local_job(ranks, options, body, per_node);
}

class ThreadedPrograms : public ::testing::TestWithParam<Schedule> {};

TEST_P(ThreadedPrograms, EqualSequentialExecution) {
  const char* count_text = std::getenv("TUTTI_RANDOM_PROGRAMS");
  const char* first_text = std::getenv("TUTTI_RANDOM_SEED");
  const std::uint64_t count = count_text ? std::strtoull(count_text, nullptr, 10) : 150;
  const std::uint64_t first = first_text ? std::strtoull(first_text, nullptr, 10) : 1;
  fmt::print("seeds {} to {}\n", first, first + count - 1);
  for (std::uint64_t seed = first; seed < first + count && !HasFailure(); ++seed)
    try_program(seed, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Schedules, ThreadedPrograms, ::testing::Values(Schedule::tasks, Schedule::bulk),
                         [](const auto& info) { return info.param == Schedule::tasks ? "tasks" : "bulk"; });

}  // namespace
}  // namespace tutti::test
