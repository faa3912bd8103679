// The parts of metg alone: patterns against known cases, the checker against planted faults, and the
// interpolation of METG, OpenMP's tasks and loops.
#include <algorithm>
#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "miniapps/metg/efficiency.hpp"
#include "miniapps/metg/metg_options.hpp"
#include "miniapps/metg/system.hpp"
#include "runtime/error.hpp"
#include "tests/graph/metg_problem.hpp"

namespace metg {
namespace {

using Points = std::vector<std::uint32_t>;

PatternSpec spec(const std::string& name, std::int64_t width, std::int64_t steps = 23) {
  PatternSpec s;
  s.name = name;
  s.width = width;
  s.steps = steps;
  return s;
}

Points inputs(const Pattern& p, std::uint32_t phase, std::uint32_t point) {
  const auto row = p.inputs(phase, point);
  return {row.begin(), row.end()};
}

TEST(MetgPatterns, KnownCases) {
  EXPECT_EQ(inputs(Pattern(spec("trivial", 5)), 0, 2), Points{});
  EXPECT_EQ(inputs(Pattern(spec("no_comm", 5)), 0, 2), Points{2});
  EXPECT_EQ(inputs(Pattern(spec("stencil_1d", 5)), 0, 0), (Points{0, 1}));
  EXPECT_EQ(inputs(Pattern(spec("stencil_1d", 5)), 0, 4), (Points{3, 4}));
  EXPECT_EQ(inputs(Pattern(spec("stencil_1d_periodic", 5)), 0, 0), (Points{0, 1, 4}));
  EXPECT_EQ(inputs(Pattern(spec("stencil_1d_periodic", 1)), 0, 0), Points{0});
  EXPECT_EQ(inputs(Pattern(spec("all_to_all", 3)), 0, 1), (Points{0, 1, 2}));
  EXPECT_EQ(inputs(Pattern(spec("dom", 5)), 1, 1), Points{0});
  EXPECT_EQ(inputs(Pattern(spec("tree", 8)), 3, 5), Points{2});
}

TEST(MetgPatterns, ButterflyDistancesDouble) {
  const Pattern fft(spec("fft", 6));  // 3 levels
  ASSERT_EQ(fft.phases(), 3U);
  EXPECT_EQ(inputs(fft, 1, 2), (Points{1, 2, 3}));
  EXPECT_EQ(inputs(fft, 2, 2), (Points{0, 2, 4}));
  EXPECT_EQ(inputs(fft, 0, 1), (Points{1, 5}));  // step 3, and step 0
}

TEST(MetgPatterns, Radix) {
  PatternSpec s = spec("nearest", 10);
  s.radix = 4;
  EXPECT_EQ(inputs(Pattern(s), 0, 5), (Points{3, 4, 5, 6}));
  EXPECT_EQ(inputs(Pattern(s), 0, 0), (Points{0, 1}));
  s.radix = 0;
  EXPECT_EQ(inputs(Pattern(s), 0, 5), Points{});
  s.name = "spread";
  s.radix = 2;
  s.period = 3;
  EXPECT_EQ(inputs(Pattern(s), 0, 1), (Points{1, 6}));
  EXPECT_EQ(inputs(Pattern(s), 2, 1), (Points{1, 8}));
}

TEST(MetgPatterns, RandomInputsLieInTheWindowAndDependOnPhaseGraphAndSeed) {
  PatternSpec s = spec("random_nearest", 200);
  s.radix = 9;
  s.period = 2;
  s.fraction = 0.5;
  const Pattern p(s);
  s.graph = 1;
  const Pattern other_graph(s);
  s.graph = 0;
  s.seed = 2;
  const Pattern other_seed(s);
  std::int64_t count = 0;
  bool differs[3] = {false, false, false};
  for (std::uint32_t point = 0; point < 200; ++point) {
    const Points all = inputs(p, 0, point);
    EXPECT_TRUE(std::count(all.begin(), all.end(), point) == 1);
    for (const std::uint32_t q : all) EXPECT_LE(std::max(q, point) - std::min(q, point), 4U);
    count += static_cast<std::int64_t>(all.size());
    differs[0] |= all != inputs(p, 1, point);
    differs[1] |= all != inputs(other_graph, 0, point);
    differs[2] |= all != inputs(other_seed, 0, point);
  }
  EXPECT_NEAR(static_cast<double>(count), 200 * (1 + 8 * 0.5), 100);
  EXPECT_TRUE(differs[0] && differs[1] && differs[2]);
  s.fraction = 0;
  EXPECT_EQ(Pattern(s).input_count(0, 2), 400);  // each its own
}

TEST(MetgPatterns, ReadersAreTheReverseOfInputs) {
  for (const std::string& name : pattern_names()) {
    PatternSpec s = spec(name, 13, 22);
    s.radix = 5;
    const Pattern p(s);
    for (std::uint32_t phase = 0; phase < p.phases(); ++phase) {
      std::set<std::pair<std::uint32_t, std::uint32_t>> forward, backward;
      for (std::uint32_t point = 0; point < 13; ++point) {
        for (const std::uint32_t q : p.inputs(phase, point)) forward.insert({q, point});
        for (const std::uint32_t q : p.readers(phase, point)) backward.insert({point, q});
      }
      EXPECT_EQ(forward, backward) << name << " phase " << phase;
    }
  }
}

TEST(MetgPatterns, TasksAndInputsInClosedFormEqualCounting) {
  for (const std::string& name : pattern_names())
    for (const std::int64_t width : {1, 2, 7, 16})
      for (const std::int64_t steps : {1, 3, 6, 23}) {
        const Pattern p(spec(name, width, steps));
        const std::int64_t runs = p.has_shape() ? 2 : 1;
        std::int64_t tasks = 0;
        std::int64_t all_inputs = 0;
        for (std::int64_t step = 0; step < steps * runs; ++step) {
          const auto phase = static_cast<std::uint32_t>(step % p.phases());
          for (std::uint32_t point = 0; point < width; ++point) {
            tasks += p.is_active(phase, point);
            all_inputs += static_cast<std::int64_t>(p.inputs(phase, point).size());
          }
        }
        EXPECT_EQ(p.tasks(steps * runs), tasks) << name << " " << width << " x " << steps;
        EXPECT_EQ(p.input_count(0, steps * runs), all_inputs) << name << " " << width << " x " << steps;
      }
  PatternSpec s = spec("spread", 7);
  s.period = 4;
  const Pattern p(s);
  EXPECT_EQ(p.input_count(0, 5) + p.input_count(5, 6), p.input_count(0, 11));
}

TEST(MetgPatterns, InputsOfShapedPatternsAreActive) {
  for (const char* name : {"dom", "tree"}) {
    const Pattern p(spec(name, 9, 14));
    for (std::uint32_t phase = 0; phase < p.phases(); ++phase)
      for (std::uint32_t point = 0; point < 9; ++point)
        for (const std::uint32_t q : p.inputs(phase, point)) {
          EXPECT_TRUE(p.is_active(phase, point)) << name;
          EXPECT_TRUE(p.is_active(phase - 1, q)) << name;
        }
  }
}

TEST(MetgPatterns, RefuseNonsense) {
  EXPECT_THROW(Pattern(spec("ring", 4)), tutti::Error);
  EXPECT_THROW(Pattern(spec("fft", 0)), tutti::Error);
  PatternSpec s = spec("spread", 4);
  s.period = 0;
  EXPECT_THROW(Pattern{s}, tutti::Error);
  s = spec("random_nearest", 4);
  s.fraction = 1.5;
  EXPECT_THROW(Pattern{s}, tutti::Error);
}

/// One task with three inputs, of which the test spoils one.
class MetgChecker : public ::testing::Test {
 protected:
  MetgChecker() {
    problem_.graphs.emplace_back(spec("stencil_1d", 5));
    problem_.output_words = 4;
    for (std::uint32_t p = 0; p < 5; ++p) fill_output(outputs_[p], 4, 6, p);
  }
  Tally run() {
    WorkerState worker;
    std::uint64_t out[4];
    const auto producers = problem_.graphs[0].inputs(0, 2);
    run_task(
        problem_, {0, 2, 7}, producers, [&](std::size_t i) { return outputs_[producers[i]]; }, out, worker);
    EXPECT_TRUE(is_output_of(out, 4, 7, 2));
    return worker.tally;
  }
  Problem problem_;
  std::uint64_t outputs_[5][4];
};

TEST_F(MetgChecker, AcceptsWhatIsRight) {
  const Tally t = run();
  EXPECT_EQ(t.tasks, 1U);
  EXPECT_EQ(t.inputs, 3U);
  EXPECT_EQ(t.failures, 0U);
}
TEST_F(MetgChecker, FindsAnotherProducer) {
  fill_output(outputs_[3], 4, 6, 2);
  EXPECT_EQ(run().failures, 1U);
}
TEST_F(MetgChecker, FindsAnotherStep) {
  fill_output(outputs_[1], 4, 4, 1);
  fill_output(outputs_[2], 4, 7, 2);
  EXPECT_EQ(run().failures, 2U);
}
TEST_F(MetgChecker, FindsOneWrongWord) {
  for (std::size_t word = 0; word < 4; ++word) {
    const std::uint64_t before = outputs_[2][word];
    outputs_[2][word] ^= 1;
    EXPECT_EQ(run().failures, 1U);
    outputs_[2][word] = before;
  }
}
TEST_F(MetgChecker, IsSilentWhenSwitchedOff) {
  fill_output(outputs_[3], 4, 6, 2);
  problem_.check = false;
  EXPECT_EQ(run().failures, 0U);
  EXPECT_EQ(run().inputs, 0U);
}

TEST(MetgWork, ImbalanceIsDeterministicAndHasTheWantedMean) {
  TaskWork w{KernelKind::load_imbalance, 1000, 1.0, false, 8, 3};
  double sum = 0;
  std::int64_t least = 2000;
  std::int64_t most = 0;
  for (std::int64_t step = 0; step < 1000; ++step)
    for (std::uint32_t point = 0; point < 8; ++point) {
      const std::int64_t n = w.iterations_of({0, point, step});
      EXPECT_EQ(n, w.iterations_of({0, point, step}));
      sum += static_cast<double>(n);
      least = std::min(least, n);
      most = std::max(most, n);
    }
  EXPECT_NEAR(sum / 8000, 1000, 15);
  EXPECT_LT(least, 520);
  EXPECT_GT(most, 1480);
  w.persistent = true;
  EXPECT_EQ(w.iterations_of({0, 3, 5}), 2000);
  EXPECT_EQ(w.iterations_of({0, 4, 5}), 1000);
}

TEST(MetgEfficiency, CrossingIsInterpolated) {
  const Crossing c = crossing({{100, 1.0}, {10, 0.8}, {1, 0.2}});
  EXPECT_EQ(c.kind, Crossing::Kind::found);
  EXPECT_NEAR(c.us, std::pow(10.0, 0.5), 1e-12);  // half-way between 0.2 and 0.8
}
TEST(MetgEfficiency, TheFinestCrossingCounts) {
  const Crossing c = crossing({{100, 1.0}, {10, 0.4}, {1, 0.6}, {0.1, 0.1}});
  EXPECT_EQ(c.kind, Crossing::Kind::found);
  EXPECT_GT(c.us, 0.1);
  EXPECT_LT(c.us, 1);
}
TEST(MetgEfficiency, OrderIsThatOfWork) {
  const Crossing c = crossing({{100, 1.0}, {10, 0.8}, {12, 0.2}});  // the last one was disturbed
  EXPECT_EQ(c.kind, Crossing::Kind::found);
  EXPECT_GT(c.us, 10);
  EXPECT_LT(c.us, 12);
}
TEST(MetgEfficiency, WithoutCrossingThereIsABound) {
  EXPECT_EQ(crossing({{100, 1.0}, {10, 0.8}}).kind, Crossing::Kind::at_most);
  EXPECT_EQ(crossing({{100, 1.0}, {10, 0.8}}).us, 10);
  EXPECT_EQ(crossing({{100, 0.3}, {10, 0.2}}).kind, Crossing::Kind::at_least);
  EXPECT_EQ(crossing({{100, 0.3}, {10, 0.2}}).us, 100);
}
TEST(MetgEfficiency, Between) {
  EXPECT_EQ(between(100, 200, 3), (std::vector<std::int64_t>{119, 141, 168}));
  EXPECT_EQ(between(1, 2, 3), std::vector<std::int64_t>{});
  EXPECT_EQ(between(2, 4, 3), std::vector<std::int64_t>{3});
}

TEST(MetgOptionsTest, WidthIsANumberOrAMultipleOfTheWorkers) {
  MetgOptions o;
  o.steps = 10;
  o.width = "7";
  EXPECT_EQ(o.problem(3).width(), 7U);
  o.width = "4x";
  EXPECT_EQ(o.problem(3).width(), 12U);
  for (const char* bad : {"0", "x", "-1", "4y", "0x", "99999999999", "2 x"}) {
    o.width = bad;
    EXPECT_THROW(o.problem(3), tutti::Error) << bad;
  }
}

// The systems that metg compares with run the same graphs.
TEST(MetgComparisons, RunTheSameGraphs) {
  for (const std::string& name : pattern_names()) {
    SCOPED_TRACE(name);
    const Problem problem = make_problem(name);
    for (const auto& make : {make_omp_for_system, make_omp_task_system}) {
      const auto system = make(problem, 2);
      for (int run = 0; run < 2; ++run) {
        system->prepare(steps);
        system->advance(steps);
      }
      const Tally t = system->tally();
      EXPECT_EQ(t.tasks, wanted(problem, 2 * steps).tasks) << system->name();
      EXPECT_EQ(t.inputs, wanted(problem, 2 * steps).inputs) << system->name();
      EXPECT_EQ(t.failures, 0U) << system->name();
    }
  }
}

}  // namespace
}  // namespace metg
