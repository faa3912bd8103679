// A program with a problem planted in it, for testing that the explanation names it.
#include <chrono>

#include <tutti/tutti.hpp>

using namespace tutti;

namespace {

struct PlantedOptions : Options {
  std::string plant = "none";
  std::string app_name() const override { return "planted"; }
  void declare(CLI::App& app) override {
    add_choice(app, "--plant", plant, {"none", "slow-rank", "uneven"}, "what is wrong with this run");
  }
};

struct Spin {
  double us;         // of one tile
  bool rank_1_slow;  // twice as long there
  void operator()(const Task& task, In<double, 1> u, Out<double> next) const {
    const double wanted_us = rank_1_slow && task.rank == RankId{1} ? 2 * us : us;
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double, std::micro>(wanted_us);
    while (std::chrono::steady_clock::now() < end) {
    }
    for (std::int64_t k = 0; k < u.extent(2); ++k) next(0, 0, k) = u(0, 0, k) + 1;
  }
};

}  // namespace

int main(int argc, char** argv) {
  PlantedOptions options;
  options.repeat = 3;
  Runtime rt(argc, argv, options);
  Report report(rt);
  report.problem("plant", options.plant);
  const std::int64_t tiles = options.plant == "uneven" ? 3 : 4;
  Grid grid(rt, {8 * tiles}, {{8}, Boundary::fixed(0), 1});
  Field<double> u(grid, "u"), next(grid, "next");
  Scalar<double> largest(rt, "largest");
  Graph step = rt.record("step", [&](Recorder& r) {
    r.each(grid, make_kernel("spin", Spin{200, options.plant == "slow-rank"}, {1, 16}), read(u, halo(1)),
           write(next));
    r.swap(u, next);
  });
  step.run(4);
  constexpr std::int64_t steps = 40;
  for (int repeat = 0; repeat < options.repeat; ++repeat) report.time(step, steps);
  rt.run("check", [&](Recorder& r) {
    r.reduce(grid,
             make_kernel("miss",
                         [](In<double> a) {
                           const double expected = 4 + 3.0 * steps;
                           return a(0, 0, 0) > expected ? a(0, 0, 0) - expected : expected - a(0, 0, 0);
                         }),
             max(largest), read(u));
  });
  report.verify("miss", largest.get(), 0);
  return report.finish();
}
