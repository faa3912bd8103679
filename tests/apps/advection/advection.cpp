// The mini-app of the guide in miniapps/README.md.
#include <set>

#include <tutti/tutti.hpp>

#include "kernels/stencil.hpp"
#include "runtime/error.hpp"
#include "tests/apps/advection/upwind.hpp"

using namespace tutti;

struct AdvectionOptions : Options {
  std::vector<std::int64_t> grid{64, 512};
  std::int64_t steps = 200;
  double courant = 0.5;

  std::string app_name() const override { return "advection"; }
  std::string app_description() const override { return "upwind advection of a sine wave"; }
  void declare(CLI::App& app) override {
    add_extents(app, "--grid", grid, "cells, periodic; the wave moves along the last one (default: 64,512)");
    add_integer(app, "--steps", steps, 1, "time steps of each repeat (default: 200)");
    add_number(app, "--courant", courant, 0, "cells that the wave moves in a step, at most 1 (default: 0.5)");
  }
  void validate() override {
    if (courant > 1) usage_error("--courant takes at most 1, not {}: the scheme is unstable beyond", courant);
  }
};

int main(int argc, char** argv) {
  AdvectionOptions opt;
  Runtime rt(argc, argv, opt);  // ends the program on --help and bad options
  Report report(rt);
  report.problem("grid", opt.grid);
  report.problem("steps", opt.steps);
  report.problem("courant", opt.courant);

  Grid grid(rt, opt.grid, {.tile = opt.tile, .boundary = Boundary::wrap()});
  Field<double> u(grid, "u"), next(grid, "next");
  Scalar<double> error(rt, "error");
  Scalar<std::uint64_t> hash(rt, "hash");
  const std::int64_t length = opt.grid.back();
  const Kernel kernel = upwind::step(opt.courant);

  const auto start = [&] {
    rt.run("start", [&](Recorder& r) { r.each(grid, upwind::set({length, opt.courant, 0}), write(u)); });
  };
  Graph step = rt.record("step", [&](Recorder& r) {
    r.each(grid, kernel, read(u, halo(1)), write(next));
    r.swap(u, next);
  });
  start();
  step.run(2);  // warm-up

  std::set<std::uint64_t> hashes;
  for (int repeat = 0; repeat < opt.repeat; ++repeat) {
    start();
    report.time(step, opt.steps);
    rt.run("check", [&](Recorder& r) {
      r.reduce(grid, upwind::error({length, opt.courant, opt.steps}), max(error), read(u));
      r.reduce(grid, kernels::checksum(grid.layout().extents()), sum(hash), read(u));
    });
    hashes.insert(hash.get());
  }

  const double cells = static_cast<double>(grid.layout().domain().size());
  report.merit("cell_updates_per_s", cells / report.step_time().median, "cells/s", "cell updates");
  report.merit("bandwidth_gb_s", cells * kernel.cost.bytes / report.step_time().median / 1e9, "GB/s",
               "bandwidth");
  report.verify("max_error", error.get(), 1e-15 * static_cast<double>(100 + opt.steps));
  report.verify("different_checksums", static_cast<double>(hashes.size() - 1), 0);
  report.checksum(*hashes.begin());
  return report.finish();
}
