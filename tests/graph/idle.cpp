// Workers with nothing to do: they sleep, they wake up soon, and nothing of ours runs between runs.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include <gtest/gtest.h>

#include "tests/graph/local_job.hpp"

namespace tutti::test {
namespace {

using Clock = std::chrono::steady_clock;

/// Of all threads of this process.
double cpu_s() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

Options with_threads(int threads) {
  Options options;
  options.threads = threads;
  options.watchdog_s = 0;
  return options;
}

class IdleInAnyOrder : public ::testing::TestWithParam<Order> {};

// One task that takes no processor time either: what is used is what the idle workers use.
TEST_P(IdleInAnyOrder, WorkersWithoutWorkSleep) {
  Options options = with_threads(2);
  options.task_order = GetParam();
  run_local_job(1, options, [](Runtime& rt) {
    Grid grid(rt, {1}, {{1}, Boundary::fixed(0), 0});
    Field<double> a(grid, "a");
    Graph graph = rt.record("sleep", [&](Recorder& r) {
      r.each(grid,
             make_kernel("sleep",
                         [](Out<double> out) {
                           std::this_thread::sleep_for(std::chrono::milliseconds(200));
                           out(0, 0, 0) = 1;
                         }),
             write(a));
    });
    graph.run(1);
    const double before_s = cpu_s();
    graph.run(2);
    EXPECT_LT(cpu_s() - before_s, 0.02) << "of 0.4 s";
  });
}

TEST(Idle, NothingSpinsBetweenRuns) {
  run_local_job(1, with_threads(2), [](Runtime& rt) {
    Grid grid(rt, {8}, {{1}, Boundary::fixed(0), 0});
    Field<double> a(grid, "a");
    Graph graph = rt.record("add", [&](Recorder& r) {
      r.each(grid, make_kernel("add", [](InOut<double> x) { x(0, 0, 0) += 1; }), update(a));
    });
    graph.run(100);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // OpenMP's own threads may spin for a while
    const double before_s = cpu_s();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_LT(cpu_s() - before_s, 0.01);
  });
}

class IdleInOrder : public ::testing::TestWithParam<Order> {};

// Worker 1 has parked when worker 0 releases its node. The bound is for machines with other work on them:
// alone it is some microseconds, and a wake-up that got lost would take a tenth of a second.
TEST_P(IdleInOrder, ParkedWorkersSleepAndWakeUpSoon) {
  Options options = with_threads(2);
  options.task_order = GetParam();
  run_local_job(1, options, [](Runtime& rt) {
    Grid grid(rt, {2}, {{1}, Boundary::fixed(0), 0});
    Field<double> a(grid, "a"), b(grid, "b");
    Clock::time_point released;
    std::vector<double> waits_us;
    Graph graph = rt.record("wake", [&](Recorder& r) {
      r.each(grid,
             make_kernel("slow",
                         [&](const Task& task, In<double> in, Out<double> out) {
                           if (task.tile == TileId{0}) {
                             std::this_thread::sleep_for(std::chrono::milliseconds(3));
                             released = Clock::now();
                           }
                           out(0, 0, 0) = in(0, 0, 0);
                         }),
             read(a), write(b));
      r.each(grid,
             make_kernel("after",
                         [&](const Task& task, Inputs<double> in, Out<double> out) {
                           if (task.tile == TileId{1})
                             waits_us.push_back(
                                 std::chrono::duration<double, std::micro>(Clock::now() - released).count());
                           out(0, 0, 0) = in[0](0, 0, 0) + 1;
                         }),
             read(b, tiles([](TileId) { return std::vector<TileId>{TileId{0}}; })), write(a));
    });
    const double before_s = cpu_s();
    graph.run(60);
    EXPECT_LT(cpu_s() - before_s, 0.12) << "of 0.18 s that worker 1 waits";
    ASSERT_EQ(waits_us.size(), 60U);
    std::sort(waits_us.begin(), waits_us.end());
    RecordProperty("median_us", std::to_string(waits_us[30]));
    std::printf("median wake-up %.1f us\n", waits_us[30]);
    EXPECT_LT(waits_us[30], 20e3);
  });
}

const auto name_of_order = [](const auto& info) {
  return info.param == Order::free ? "free" : info.param == Order::fixed ? "fixed" : "single";
};
INSTANTIATE_TEST_SUITE_P(Orders, IdleInAnyOrder, ::testing::Values(Order::free, Order::fixed, Order::single),
                         name_of_order);
INSTANTIATE_TEST_SUITE_P(Orders, IdleInOrder, ::testing::Values(Order::free, Order::fixed), name_of_order);

}  // namespace
}  // namespace tutti::test
