// Conway's game of life on a torus: a glider comes back to where it started.
#include <tutti/tutti.hpp>

#include "kernels/launch.hpp"
using namespace tutti;

bool glider(std::int64_t y, std::int64_t x) {
  return (y == 0 && x == 1) || (y == 1 && x == 2) || (y == 2 && x < 3);
}

int main(int argc, char** argv) {
  Options options;
  Runtime rt(argc, argv, options);
  Report report(rt);
  Grid grid(rt, {64, 64}, {.tile = {16, 16}, .boundary = Boundary::wrap()});
  Field<double> now(grid, "now"), next(grid, "next");
  Scalar<double> wrong(rt, "wrong");

  const Kernel start = make_kernel("start", [](Out<double> u) {
    kernels::for_rows(u.extent(1), u.extent(2),
                      [&](auto i, auto j) { u(0, i, j) = glider(u.box.lo[1] + i, u.box.lo[2] + j); });
  });
  const Kernel generation = make_kernel("generation", [](In<double, 1, Shape::box> u, Out<double> v) {
    kernels::for_rows(u.extent(1), u.extent(2), [&](auto i, auto j) {
      double neighbours = -u(0, i, j);
      for (int y = -1; y <= 1; ++y)
        for (int x = -1; x <= 1; ++x) neighbours += u(0, i + y, j + x);
      v(0, i, j) = neighbours == 3 || (neighbours == 2 && u(0, i, j) == 1);
    });
  });
  const Kernel wrong_cells = make_kernel("wrong_cells", [](In<double> u) {
    double count = 0;
    kernels::for_rows(u.extent(1), u.extent(2), [&](auto i, auto j) {
      count += u(0, i, j) != glider(u.box.lo[1] + i, u.box.lo[2] + j);
    });
    return count;
  });

  rt.run("start", [&](Recorder& r) { r.each(grid, start, write(now)); });
  Graph step = rt.record("step", [&](Recorder& r) {
    r.each(grid, generation, read(now, halo(1, corners)), write(next));
    r.swap(now, next);
  });
  step.run(4 * 64);  // four generations move it by one cell along both dimensions
  rt.run("check", [&](Recorder& r) { r.reduce(grid, wrong_cells, sum(wrong), read(now)); });
  report.verify("wrong_cells", wrong.get(), 0);
  return report.finish();
}
