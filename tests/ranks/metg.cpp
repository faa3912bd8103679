// All patterns of metg over the job's own transport, and the same in plain MPI.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "miniapps/metg/system.hpp"
#include "miniapps/metg/tutti_system.hpp"
#include "tests/graph/metg_problem.hpp"
#include "tests/ranks/main.hpp"

namespace metg {
namespace {

using tutti::job_transport;
using tutti::Options;
using tutti::Runtime;

/// Two runs; every task must have run and read what it should. Collective.
void run_twice(System& system, const Problem& problem) {
  for (int run = 0; run < 2; ++run) {
    system.prepare(steps);
    system.advance(steps);
  }
  const Tally mine = system.tally();
  const Tally all = wanted(problem, 2 * steps);
  EXPECT_EQ(job_transport()->sum(mine.tasks), all.tasks);
  EXPECT_EQ(job_transport()->sum(mine.inputs), all.inputs);
  EXPECT_EQ(job_transport()->sum(mine.failures), 0U);
}

TEST(MetgOverRanks, AllPatternsOnOneAndTwoWorkers) {
  for (const std::string& pattern : pattern_names())
    for (const int threads : {1, 2}) {
      SCOPED_TRACE(fmt::format("{} on {} workers", pattern, threads));
      const Problem problem = make_problem(pattern);
      Options options;
      options.threads = threads;
      Runtime rt(job_transport(), options);
      TuttiSystem system("tutti", Place::all_ranks, problem, rt);
      run_twice(system, problem);

      options.threads = 1;
      Runtime alone(tutti::make_local_transports(1).front(), options);
      TuttiSystem reference("reference", Place::first_rank, problem, alone);
      reference.advance(2 * steps);
      EXPECT_EQ(system.checksum(), reference.checksum());
    }
}

TEST(MetgOverRanks, PlainMpiRunsTheSame) {
  if (job_transport()->ranks() == 1) GTEST_SKIP() << "one rank";
  for (const std::string& pattern : pattern_names()) {
    SCOPED_TRACE(pattern);
    const Problem problem = make_problem(pattern);
    const auto system = make_mpi_system(problem);
    run_twice(*system, problem);
  }
}

}  // namespace
}  // namespace metg
