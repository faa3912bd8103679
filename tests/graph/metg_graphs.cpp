// All patterns of metg on real threads, 1 to 4 ranks in this process with 1 or 2 workers each, in both
// orders: every task runs, reads what it should, and leaves the same outputs on every layout. And what the
// check does when a task reads another tile than the pattern says.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "miniapps/metg/tutti_system.hpp"
#include "tests/graph/local_job.hpp"
#include "tests/graph/metg_problem.hpp"

namespace metg {
namespace {

using tutti::Options;
using tutti::Order;
using tutti::Runtime;
using tutti::test::run_local_job;

class MetgGraphs : public ::testing::TestWithParam<std::string> {};

TEST_P(MetgGraphs, RunOnAllLayouts) {
  const Problem problem = make_problem(GetParam());
  const Tally all = wanted(problem, 2 * steps);
  std::uint64_t checksum = 0;
  for (const std::uint32_t ranks : {1U, 2U, 4U})
    for (const auto& [threads, order] : {std::pair(1, Order::free),
                                         {2, Order::free},
                                         {1, Order::fixed},
                                         {2, Order::fixed},
                                         {2, Order::single}}) {
      Options options;
      options.threads = threads;
      options.task_order = order;
      SCOPED_TRACE(fmt::format("{} ranks x {} threads, order {}", ranks, threads, static_cast<int>(order)));
      run_local_job(ranks, options, [&](Runtime& rt) {
        TuttiSystem system("tutti", Place::all_ranks, problem, rt);
        system.advance(steps);
        system.advance(steps);
        const Tally mine = system.tally();
        EXPECT_EQ(rt.transport().sum(mine.tasks), all.tasks);
        EXPECT_EQ(rt.transport().sum(mine.inputs), all.inputs);
        EXPECT_EQ(rt.transport().sum(mine.failures), 0U);
        const std::uint64_t found = system.checksum();
        if (!rt.is_root()) return;
        if (checksum == 0) checksum = found;
        EXPECT_EQ(found, checksum);
      });
    }
}

INSTANTIATE_TEST_SUITE_P(Patterns, MetgGraphs, ::testing::ValuesIn(pattern_names()),
                         [](const auto& info) { return info.param; });

TEST(MetgFaults, WrongInputsAreCounted) {
  Options options;
  options.threads = 2;
  run_local_job(1, options, [&](Runtime& rt) {
    Problem problem = make_problem("stencil_1d_periodic");
    TuttiSystem system("tutti", Place::all_ranks, problem, rt);
    // What was recorded is no longer what is wanted. A copy: tables that fit stay where tasks find them.
    const Problem other = make_problem("stencil_1d");
    problem.graphs = other.graphs;
    system.advance(steps);
    const Tally t = system.tally();
    EXPECT_EQ(t.tasks, wanted(problem, steps).tasks);
    // in each of two graphs and each step, point 8 is given 0 and 7 as its first inputs instead of 7 and 8
    EXPECT_EQ(t.failures, 2U * 2 * steps);
  });
}

}  // namespace
}  // namespace metg
