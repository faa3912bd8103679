// Random programs over the job's own transport, in the tasks and bulk schedules, must equal their sequential
// interpretation exactly, with messages through shared memory and through MPI.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/graph/random_job.hpp"
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
  RandomJob(program).run(rt);
}

TEST(ProgramsOverRanks, TasksEqualSequentialExecution) {
  for_seeds(10000, 100, [](std::uint64_t seed) { try_program(seed, Schedule::tasks); });
}
TEST(ProgramsOverRanks, BulkEqualsSequentialExecution) {
  for_seeds(20000, 50, [](std::uint64_t seed) { try_program(seed, Schedule::bulk); });
}

}  // namespace
}  // namespace tutti::test
