// A program that goes wrong on purpose: faulty throw|hang|die|differ|memory|usage [options].
// tests/ranks/faults.py looks at what it says and how it ends.
#include <atomic>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <string>

#include <tutti/tutti.hpp>

#include "runtime/error.hpp"

using namespace tutti;

namespace {

struct FaultyOptions : Options {
  std::string fault;
  std::string app_name() const override { return "faulty"; }
  std::string app_description() const override { return "goes wrong on purpose"; }
  void declare(CLI::App& app) override { add_text(app, "fault", fault, "what goes wrong"); }
};

/// Throws, hangs or is killed in step 5 on the last rank.
struct Fault {
  std::string fault;
  std::uint32_t last_rank;
  void operator()(const Task& task, In<double, 1>, Out<double>) const {
    if (task.step != 5 || task.rank.value != last_rank || !task.first_of_rank) return;
    if (fault == "die") std::raise(SIGKILL);
    if (fault == "throw") throw std::runtime_error("a planted fault");
    static std::atomic<bool> never{false};
    while (fault == "hang" && !never.load()) {
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  FaultyOptions opt;
  Runtime rt(argc, argv, opt);
  if (opt.fault == "usage") usage_error("a planted usage error");
  Grid grid(rt, {64, 64}, {{16, 64}, {}, 1});
  Field<double> u(grid, "u");
  Field<double> v(grid, "v");
  if (opt.fault == "memory") {
    Grid huge(rt, {1 << 20, 1 << 10, 1 << 10}, {{1 << 14, 1 << 10, 1 << 10}, {}, 1});
    Field<double> w(huge, "w");
  }
  Graph step = rt.record("step", [&](Recorder& r) {
    r.each(grid, make_kernel("fault", Fault{opt.fault, rt.ranks() - 1}), read(u, halo(1)), write(v));
    if (opt.fault != "differ" || rt.is_root()) r.swap(u, v);
  });
  step.run(10);
  return 0;
}
