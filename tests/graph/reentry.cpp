// What happens between runs and at their ends, many times over: entering at another copy of the cycle while
// tokens and messages of the last run are still on their way, and several stop_when that end a run at once.
#include <chrono>

#include <gtest/gtest.h>

#include "tests/graph/local_job.hpp"

namespace tutti::test {
namespace {

struct Blend {
  void operator()(In<std::uint64_t, 1> u, Out<std::uint64_t> v) const {
    for (std::int64_t k = 0; k < u.extent(2); ++k)
      v(0, 0, k) = u(0, 0, k - 1) + 3 * u(0, 0, k) + 5 * u(0, 0, k + 1);
  }
};

constexpr std::int64_t cells = 64;
using Values = std::vector<std::uint64_t>;

Values blended(const Values& u) {
  Values v(u.size());
  for (std::size_t k = 0; k < u.size(); ++k)
    v[k] = u[(k + cells - 1) % cells] + 3 * u[k] + 5 * u[(k + 1) % cells];
  return v;
}

class Reentry : public ::testing::TestWithParam<std::pair<int, int>> {};

TEST_P(Reentry, AnotherGraphSwapsTheNamesBetweenRuns) {
  constexpr int rounds = 1500;
  Values u(cells);
  Values v(cells, 7);
  for (std::size_t k = 0; k < cells; ++k) u[k] = k * k;
  const Values first = u;
  for (int i = 0; i < rounds; ++i) {
    for (int step = 0; step < 1 + 2 * (i % 3); ++step) {
      v = blended(u);
      std::swap(u, v);
    }
    std::swap(u, v);
  }
  Options options;
  options.threads = GetParam().second;
  run_local_job(static_cast<std::uint32_t>(GetParam().first), options, [&](Runtime& rt) {
    Grid grid(rt, {cells}, {{4}, Boundary::wrap(), 1});
    Field<std::uint64_t> a(grid, "a");
    Field<std::uint64_t> b(grid, "b");
    const View<std::uint64_t> x = a.block();
    const View<std::uint64_t> y = b.block();
    for (std::int64_t k = 0; k < x.extent(2); ++k) {
      x(0, 0, k) = first[static_cast<std::size_t>(x.box.lo[2] + k)];
      y(0, 0, k) = 7;
    }
    Graph step = rt.record("step", [&](Recorder& r) {
      r.each(grid, make_kernel("blend", Blend{}), read(a, halo(1)), write(b));
      r.swap(a, b);
    });
    Graph swap = rt.record("swap", [&](Recorder& r) { r.swap(a, b); });
    for (int i = 0; i < rounds; ++i) {
      step.run(1 + 2 * (i % 3));
      swap.run(1);
    }
    const View<std::uint64_t> result = a.block();
    for (std::int64_t k = 0; k < result.extent(2); ++k)
      EXPECT_EQ(result(0, 0, k), u[static_cast<std::size_t>(result.box.lo[2] + k)]);
  });
}

TEST_P(Reentry, TwoStopsInOneStep) {
  Options options;
  options.threads = GetParam().second;
  run_local_job(static_cast<std::uint32_t>(GetParam().first), options, [&](Runtime& rt) {
    Scalar<std::int64_t> count(rt, "count");
    const auto linger = [](int us) {
      const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(us);
      while (std::chrono::steady_clock::now() < end) {
      }
    };
    Graph graph = rt.record("count", [&](Recorder& r) {
      r.compute([](std::int64_t n) { return n + 1; }, read(count), write(count));
      r.stop_when(
          lag(2),
          [linger](std::int64_t n) {
            linger(2);
            return n % 3 == 0;
          },
          read(count));
      r.stop_when(
          [linger](std::int64_t n) {
            linger(2);
            return n % 3 == 0;
          },
          read(count));
    });
    for (int i = 1; i <= 2000; ++i) {
      ASSERT_EQ(graph.run(100), 3);
      ASSERT_EQ(count.get(), 3 * i);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Layouts, Reentry,
                         ::testing::Values(std::pair{1, 1}, std::pair{1, 2}, std::pair{1, 4}, std::pair{2, 1},
                                           std::pair{2, 2}, std::pair{3, 2}),
                         [](const auto& info) {
                           return std::to_string(info.param.first) + "x" + std::to_string(info.param.second);
                         });

}  // namespace
}  // namespace tutti::test
