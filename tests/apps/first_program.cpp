// The program of the README, compiled and run as a test.
#include <tutti/tutti.hpp>

#include "kernels/stencil.hpp"
using namespace tutti;

int main(int argc, char** argv) {
  Options options;                  // --threads, --schedule, --json, ...
  Runtime rt(argc, argv, options);  // MPI and workers, until the end of main
  Report report(rt);

  const kernels::SineMode mode{{128, 128, 128}, {1, 1, 1}};
  Grid grid(rt, {128, 128, 128});  // cut into tiles, dealt to ranks
  Field<double> u(grid, "u"), next(grid, "next");
  Scalar<double> error(rt, "error");

  rt.run("start", [&](Recorder& r) { r.each(grid, kernels::sine_mode(mode, 1), write(u)); });

  Graph step = rt.record("step", [&](Recorder& r) {
    r.each(grid, kernels::heat7(0.125), read(u, halo(1)), write(next));
    r.swap(u, next);  // the names change places; Tutti unrolls the step until they are back
  });
  step.run(100);  // the only call that waits

  const double decay = kernels::heat_mode_factor(7, mode, 0.125, 100);  // the analytic solution
  rt.run("check",
         [&](Recorder& r) { r.reduce(grid, kernels::sine_mode_error(mode, decay), max(error), read(u)); });
  report.verify("max_error", error.get(), 1e-12);
  return report.finish();  // the verdict is the exit status
}
