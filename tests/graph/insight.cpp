// What a replay knows of itself: profiles, the critical path over ranks, traces.
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "runtime/insight/critical_path.hpp"
#include "runtime/insight/findings.hpp"
#include "runtime/insight/timed_runs.hpp"
#include "runtime/insight/trace.hpp"
#include "tests/graph/local_job.hpp"

namespace tutti::test {
namespace {

void spin_for(std::chrono::microseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

struct Average {
  void operator()(In<double, 1> u, Out<double> v) const {
    for (std::int64_t k = 0; k < u.extent(2); ++k) v(0, 0, k) = 0.5 * (u(0, 0, k - 1) + u(0, 0, k + 1));
  }
};

/// Tile t reads tile t-1, the first one the last.
Pattern left_neighbour(std::uint32_t count) {
  return tiles([count](TileId t) { return std::vector<TileId>{TileId{(t.value + count - 1) % count}}; });
}

Graph record_average(Runtime& rt, const Grid& grid, Field<double>& a, Field<double>& b) {
  return rt.record("average", [&](Recorder& r) {
    r.each(grid, make_kernel("average", Average{}, {1, 16}), read(a, halo(1)), write(b));
    r.swap(a, b);
  });
}

std::vector<double> seconds_of_kernels(const Plan& plan, double kernel_s) {
  std::vector<double> seconds;
  for (const PlanNode& n : plan.nodes) seconds.push_back(n.kind == NodeKind::run ? kernel_s : 0);
  return seconds;
}

class OnRanks : public ::testing::TestWithParam<std::uint32_t> {};

// Every tile waits for its neighbours of the step before: one kernel per step, on any number of ranks.
TEST_P(OnRanks, CriticalPathOfAHaloIsOneTask) {
  Options options;
  options.threads = 1;
  run_local_job(GetParam(), options, [&](Runtime& rt) {
    Grid grid(rt, {64}, {{4}, Boundary::wrap(), 1});
    Field<double> a(grid, "a"), b(grid, "b");
    Graph g = record_average(rt, grid, a, b);
    EXPECT_NEAR(critical_path_s(*g.plan(), seconds_of_kernels(*g.plan(), 3.0), rt.transport()), 3.0, 1e-9);
  });
}

// Eight operations move a value round eight tiles, so through all ranks; the ninth closes the circle.
TEST_P(OnRanks, CriticalPathFollowsMessagesBetweenRanks) {
  Options options;
  options.threads = 1;
  run_local_job(GetParam(), options, [&](Runtime& rt) {
    constexpr std::uint32_t count = 8;
    Grid grid(rt, {count}, {{1}, Boundary::fixed(0), 0});
    std::vector<Field<double>> f;
    for (std::uint32_t i = 0; i <= count; ++i) f.emplace_back(grid, "field");
    Graph g = rt.record("circle", [&](Recorder& r) {
      for (std::uint32_t i = 0; i < count; ++i)
        r.each(grid,
               make_kernel("move", [](Inputs<double> in, Out<double> out) { out(0, 0, 0) = in[0](0, 0, 0); }),
               read(f[i], left_neighbour(count)), write(f[i + 1]));
      r.each(grid, make_kernel("close", [](In<double> in, Out<double> out) { out(0, 0, 0) = in(0, 0, 0); }),
             read(f[count]), write(f[0]));
    });
    EXPECT_NEAR(critical_path_s(*g.plan(), seconds_of_kernels(*g.plan(), 1), rt.transport()), 9, 1e-9);
    std::vector<double> seconds;
    for (const PlanNode& n : g.plan()->nodes)
      seconds.push_back(n.kind != NodeKind::run ? 0 : n.task.tile == TileId{3} ? 5 : 1);
    // the circle that starts at tile 3 is slow there twice: when the value comes by, and when it closes
    EXPECT_NEAR(critical_path_s(*g.plan(), seconds, rt.transport()), 7 + 5 + 5, 1e-9);
  });
}

TEST_P(OnRanks, EveryMessageHasItsArrow) {
  Options options;
  options.threads = 2;
  std::vector<std::uint64_t> messages(GetParam());
  options.trace = ::testing::TempDir() + "tutti_graph_insight.json";
  run_local_job(GetParam(), options, [&](Runtime& rt) {
    Grid grid(rt, {64}, {{4}, Boundary::wrap(), 1});
    Field<double> a(grid, "a"), b(grid, "b");
    Graph g = record_average(rt, grid, a, b);
    g.run(7);
    write_trace(rt.transport(), *rt.trace(), options.trace);
    EXPECT_EQ(rt.trace()->lost(), 0U);
    for (const PlanMessage& m : g.plan()->messages) messages[rt.rank().index()] += m.spec.sending ? 1 : 0;
  });
  const nlohmann::json trace = nlohmann::json::parse(std::ifstream(options.trace));
  std::set<std::string> sent, received;
  std::map<std::pair<int, int>, double> last_end;
  std::map<std::string, int> kernels;
  for (const auto& e : trace["traceEvents"]) {
    if (e["ph"] == "s" || e["ph"] == "f") {
      EXPECT_TRUE((e["ph"] == "s" ? sent : received).insert(e["id"]).second) << e["id"];
    }
    if (e["ph"] != "X") continue;
    if (e["cat"] == "kernel") ++kernels[e["name"]];
    double& end = last_end[{e["pid"], e["tid"]}];
    EXPECT_GE(e["ts"].get<double>(), end - 0.002) << "slices of a thread follow each other";
    end = e["ts"].get<double>() + e["dur"].get<double>();
  }
  EXPECT_EQ(sent, received);
  std::uint64_t per_cycle = 0;
  for (const std::uint64_t m : messages) per_cycle += m;
  EXPECT_EQ(sent.size(), per_cycle / 2 * 7) << "a cycle is two steps";
  EXPECT_EQ(kernels["average"], 16 * 7);
  std::filesystem::remove(options.trace);
}

INSTANTIATE_TEST_SUITE_P(Ranks, OnRanks, ::testing::Values(1U, 2U, 4U));

TEST(TimedRuns, LongTasksAreMeasuredOneByOne) {
  Options options;
  options.threads = 2;
  run_local_job(1, options, [](Runtime& rt) {
    Grid grid(rt, {8}, {{1}, Boundary::fixed(0), 0});
    Field<double> a(grid, "a");
    Graph g = rt.record("spin", [&](Recorder& r) {
      r.each(grid,
             make_kernel("spin",
                         [](Out<double> out) {
                           spin_for(std::chrono::microseconds(200));
                           out(0, 0, 0) = 1;
                         },
                         {3, 8}),
             write(a));
    });
    g.run(1);  // warm-up, not counted
    TimedRuns runs;
    runs.begin(g.plan(), g.profile());
    runs.end(g.run(10));
    const Findings f = runs.findings(rt.transport());
    ASSERT_EQ(f.operations.size(), 1U);
    EXPECT_EQ(f.operations[0].name, "spin");
    EXPECT_EQ(f.operations[0].all.calls, 80);
    EXPECT_EQ(f.operations[0].all.flops, 240);
    EXPECT_EQ(f.operations[0].all.bytes, 640);
    EXPECT_GE(f.operations[0].all.time_s, 80 * 200e-6 * 0.99);
    double useful_s = 0;
    for (const WorkerSeconds& w : f.ranks[0].workers) {
      useful_s += w.useful_s;
      EXPECT_LE(w.useful_s + w.communication_s + w.idle_s, f.ranks[0].elapsed_s * 1.01);
    }
    EXPECT_NEAR(useful_s, f.operations[0].all.time_s, 0.05 * useful_s);
    EXPECT_GE(f.critical_path_s, 200e-6 * 0.99);
    EXPECT_GT(f.efficiency.factors.parallel, 0.3);
  });
}

TEST(TimedRuns, ShortTasksAreSampledAndStandForTheRest) {
  Options options;
  options.threads = 1;
  run_local_job(1, options, [](Runtime& rt) {
    Grid grid(rt, {64}, {{1}, Boundary::fixed(0), 0});
    Field<double> a(grid, "a");
    Graph g = rt.record("short", [&](Recorder& r) {
      r.each(grid,
             make_kernel("short",
                         [](InOut<double> x) {
                           for (int i = 0; i < 100; ++i) x(0, 0, 0) = 0.5 * x(0, 0, 0) + 1;
                         }),
             update(a));
    });
    g.run(2);
    // One task in 31 stands for all: where the processor was taken away in one of those, another run is
    // fairer.
    double useful_s = 0, operation_s = 0, elapsed_s = 0;
    const auto agrees = [&] {
      return useful_s <= elapsed_s && std::abs(useful_s - operation_s) <= 0.3 * useful_s;
    };
    for (int run = 0; run < 10 && (run == 0 || !agrees()); ++run) {
      TimedRuns runs;
      runs.begin(g.plan(), g.profile());
      runs.end(g.run(1000));
      std::uint64_t samples = 0;
      for (const NodeTime& n : g.profile()->nodes) samples += n.samples;
      EXPECT_LT(samples, 64'000U / 4) << "most are not timed";
      EXPECT_GT(samples, 64'000U / 64);
      const Findings f = runs.findings(rt.transport());
      EXPECT_EQ(f.operations[0].all.calls, 64'000);
      useful_s = f.ranks[0].workers[0].useful_s;
      operation_s = f.operations[0].all.time_s;
      elapsed_s = f.ranks[0].elapsed_s;
    }
    EXPECT_TRUE(agrees()) << useful_s << " s by worker, " << operation_s << " s by operation, of "
                          << elapsed_s;
  });
}

}  // namespace
}  // namespace tutti::test
