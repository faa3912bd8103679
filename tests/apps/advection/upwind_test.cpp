// The test of the guide in kernels/README.md.
#include "tests/apps/advection/upwind.hpp"

#include <gtest/gtest.h>

using namespace tutti;

TEST(Upwind, EqualsALoopOverAPlainArray) {
  constexpr std::int64_t rows = 5, cells = 23, steps = 7;
  constexpr double c = 0.3;

  std::vector<double> expected(cells);
  for (std::int64_t k = 0; k < cells; ++k) expected[k] = upwind::Mode(cells, c, 0).at(k);
  for (std::int64_t s = 0; s < steps; ++s) {
    const std::vector<double> old = expected;
    for (std::int64_t k = 0; k < cells; ++k)
      expected[k] = (1 - c) * old[k] + c * old[(k + cells - 1) % cells];
  }

  for (const std::int64_t tile : {1, 4, 23})  // tiles that do not divide the grid, and one for all of it
    for (const int workers : {1, 3}) {
      Options options;
      options.threads = workers;
      Runtime rt(make_local_transports(1)[0], options);
      Grid grid(rt, {rows, cells}, {.tile = {2, tile}, .boundary = Boundary::wrap()});
      Field<double> u(grid, "u"), next(grid, "next");
      rt.run("start", [&](Recorder& r) { r.each(grid, upwind::set({cells, c, 0}), write(u)); });
      Graph step = rt.record("step", [&](Recorder& r) {
        r.each(grid, upwind::step(c), read(u, halo(1)), write(next));
        r.swap(u, next);
      });
      step.run(steps);
      for (std::int64_t j = 0; j < rows; ++j)
        for (std::int64_t k = 0; k < cells; ++k)
          EXPECT_EQ(u.block()(0, j, k), expected[k]) << tile << " " << k;
    }
}

TEST(Upwind, KeepsToTheSolution) {
  Options options;
  Runtime rt(make_local_transports(1)[0], options);
  Grid grid(rt, {64}, {.boundary = Boundary::wrap()});
  Field<double> u(grid, "u");
  Scalar<double> same(rt, "same"), later(rt, "later");
  rt.run("check", [&](Recorder& r) {
    r.each(grid, upwind::set({64, 1, 0}), write(u));
    r.reduce(grid, upwind::error({64, 1, 64}), max(same), read(u));   // once round the grid
    r.reduce(grid, upwind::error({64, 1, 16}), max(later), read(u));  // a quarter of it
  });
  EXPECT_LT(same.get(), 1e-13);
  EXPECT_GT(later.get(), 1);
}
