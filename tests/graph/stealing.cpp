// Who runs the tasks of others, and when.
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "tests/graph/local_job.hpp"

namespace tutti::test {
namespace {

using Clock = std::chrono::steady_clock;

Options two_workers() {
  Options options;
  options.threads = 2;
  options.watchdog_s = 0;
  return options;
}

TEST(Stealing, WithoutStealingEveryTaskStaysAtHome) {
  Options options = two_workers();
  options.steal = false;
  run_local_job(1, options, [](Runtime& rt) {
    constexpr std::uint32_t tiles = 8;
    Grid grid(rt, {tiles}, {{1}, Boundary::fixed(0), 0});
    Field<double> a(grid, "a");
    std::vector<std::uint32_t> strangers(tiles, 0);
    Graph graph = rt.record("lopsided", [&](Recorder& r) {
      r.each(grid,
             make_kernel("lopsided",
                         [&](const Task& task, InOut<double> x) {
                           if (task.tile.value < tiles / 2)
                             std::this_thread::sleep_for(std::chrono::microseconds(200));
                           strangers[task.tile.index()] +=
                               task.worker == grid.layout().home(task.tile, rt.workers()) ? 0 : 1;
                           x(0, 0, 0) += 1;
                         }),
             update(a));
    });
    graph.run(50);
    for (const std::uint32_t n : strangers) EXPECT_EQ(n, 0U);
  });
}

// Two tasks of worker 0 take twice as long as two of worker 1, and no step begins before the last one has ended:
// whoever runs short ones first, with a long one still to come, lets all others wait.
TEST(Stealing, WhatTakesLongIsTakenFirst) {
  constexpr std::int64_t steps = 60;
  constexpr std::uint32_t tiles = 4;
  constexpr auto unit = std::chrono::milliseconds(1);
  std::vector<Clock::time_point> begins(steps * tiles);
  run_local_job(1, two_workers(), [&](Runtime& rt) {
    Grid grid(rt, {tiles}, {{1}, Boundary::fixed(0), 0});
    Field<double> a(grid, "a"), b(grid, "b");
    const auto all = [](TileId) { return std::vector<TileId>{TileId{0}, TileId{1}, TileId{2}, TileId{3}}; };
    Graph graph = rt.record("lopsided", [&](Recorder& r) {
      r.each(grid,
             make_kernel("sleep",
                         [&](const Task& task, Inputs<double> in, Out<double> out) {
                           begins[static_cast<std::size_t>(task.step) * tiles + task.tile.index()] = Clock::now();
                           std::this_thread::sleep_for(task.tile.value < 2 ? 2 * unit : unit);
                           out(0, 0, 0) = in[0](0, 0, 0) + 1;
                         }),
             read(a, tutti::tiles(all)), write(b));
      r.swap(a, b);
    });
    graph.run(steps);
  });
  int long_first = 0;
  for (std::size_t step = steps / 2; step < steps; ++step)
    long_first += begins[step * tiles + 1] < begins[step * tiles + 3] ? 1 : 0;
  EXPECT_GT(long_first, steps / 4) << "of " << steps / 2 << " steps";
}

}  // namespace
}  // namespace tutti::test
