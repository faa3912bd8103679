// Random programs over the job's own transport, in the tasks and bulk schedules, must equal their sequential
// interpretation exactly, with messages through shared memory and through MPI.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/graph/local_job.hpp"
#include "tests/graph/random_program.hpp"
#include "tests/ranks/main.hpp"

namespace tutti::test {
namespace {

void try_program(std::uint64_t seed, Schedule schedule) {
  const RandomProgram program = RandomProgram::make(seed);
  Options options;
  options.threads = static_cast<int>(1 + seed % 2);
  options.schedule = schedule;
  options.messages = seed / 2 % 2 == 0 ? "auto" : "mpi";
  SCOPED_TRACE(
      fmt::format("{} workers, messages {}, {}", options.threads, options.messages, program.describe()));
  Runtime rt(job_transport(), options);
  RecordedProgram data(program, rt, rt.transport());
  Graph graph = rt.record("random", static_cast<int>(program.phases.size()),
                          [&](Recorder& r, int phase) { data.record(r, phase); });
  const RandomStatement* swap = program.outside_swap();
  Graph outside = rt.record("outside", [&](Recorder& r) {
    if (swap) data.record_swap(r, *swap);
  });
  Oracle oracle(program);
  for (const std::int64_t steps : program.runs) {
    const std::int64_t expected = oracle.run(steps);
    ASSERT_EQ(graph.run(steps), expected);
    ASSERT_EQ(oracle.difference(data), "");
    outside.run(1);
    if (swap) oracle.swap_fields(*swap);
  }
}

TEST(ProgramsOverRanks, TasksEqualSequentialExecution) {
  for (std::uint64_t seed = 10000; seed < 10100 && !HasFatalFailure(); ++seed)
    try_program(seed, Schedule::tasks);
}
TEST(ProgramsOverRanks, BulkEqualsSequentialExecution) {
  for (std::uint64_t seed = 20000; seed < 20050 && !HasFatalFailure(); ++seed)
    try_program(seed, Schedule::bulk);
}

}  // namespace
}  // namespace tutti::test
