// Conway's game of life on a torus: a glider comes back to where it started.
#include <tutti/tutti.hpp>

#include "kernels/stencil.hpp"
using namespace tutti;

constexpr std::int64_t side = 64;

Kernel start_glider() {
  return make_kernel("start_glider", [](Out<double> cells) {
    for (std::int64_t i = 0; i < cells.extent(1); ++i)
      for (std::int64_t j = 0; j < cells.extent(2); ++j) {
        const std::int64_t y = cells.box.lo[1] + i, x = cells.box.lo[2] + j;
        cells(0, i, j) = (y == 0 && x == 1) || (y == 1 && x == 2) || (y == 2 && x < 3) ? 1 : 0;
      }
  });
}

Kernel generation() {
  return make_kernel("generation", [](In<double, 1, Shape::box> now, Out<double> next) {
    for (std::int64_t i = 0; i < now.extent(1); ++i)
      for (std::int64_t j = 0; j < now.extent(2); ++j) {
        double alive = -now(0, i, j);
        for (std::int64_t y = -1; y <= 1; ++y)
          for (std::int64_t x = -1; x <= 1; ++x) alive += now(0, i + y, j + x);
        next(0, i, j) = alive == 3 || (alive == 2 && now(0, i, j) == 1) ? 1 : 0;
      }
  });
}

int main(int argc, char** argv) {
  Options options;
  Runtime rt(argc, argv, options);
  Report report(rt);
  Grid grid(rt, {side, side}, {.tile = {16, 16}, .boundary = Boundary::wrap()});
  Field<double> now(grid, "now"), next(grid, "next"), start(grid, "start");
  Scalar<double> sum_now(rt, "sum_now");
  Scalar<std::uint64_t> hash_now(rt, "hash_now"), hash_start(rt, "hash_start");

  rt.run("start", [&](Recorder& r) {
    r.each(grid, start_glider(), write(now));
    r.each(grid, start_glider(), write(start));
  });
  Graph step = rt.record("generation", [&](Recorder& r) {
    r.each(grid, generation(), read(now, halo(1, corners)), write(next));
    r.swap(now, next);
  });
  step.run(4 * side);  // it moves by one cell along both dimensions in four generations

  rt.run("check", [&](Recorder& r) {
    r.reduce(grid, kernels::sum_cells(), sum(sum_now), read(now));
    r.reduce(grid, kernels::checksum(grid.layout().extents()), sum(hash_now), read(now));
    r.reduce(grid, kernels::checksum(grid.layout().extents()), sum(hash_start), read(start));
  });
  report.verify("missing_cells", std::abs(sum_now.get() - 5), 0);
  report.verify("moved", hash_now.get() == hash_start.get() ? 0 : 1, 0);
  report.checksum(hash_now.get());
  return report.finish();
}
