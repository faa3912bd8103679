// Heat and wave equation on a regular grid: starts from a sine mode, whose later values are known, or from a
// user's array; repeats the problem, checks it, and reports how fast it went.
#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <tutti/tutti.hpp>

#include "kernels/stencil.hpp"
#include "miniapps/heat/heat_options.hpp"
#include "runtime/device/device_bandwidth.hpp"
#include "runtime/error.hpp"
#include "runtime/insight/bandwidth.hpp"
#include "runtime/insight/provenance.hpp"
#include "runtime/insight/roofline.hpp"
#include "runtime/io/field_file.hpp"
#include "runtime/io/outcome.hpp"
#include "runtime/report.hpp"
#include "runtime/text.hpp"

using namespace tutti;

namespace {

/// The mode as the kernels take it: dimensions aligned at the right.
kernels::SineMode mode_of(const HeatOptions& opt) {
  kernels::SineMode mode;
  std::copy_backward(opt.grid.begin(), opt.grid.end(), mode.extents.end());
  std::copy_backward(opt.mode.begin(), opt.mode.end(), mode.modes.end());
  mode.periodic = opt.is_periodic();
  return mode;
}

constexpr double heat_r = 0.125;      // alpha dt / h^2; stable up to 1/6 with 7 points
constexpr double wave_courant = 0.3;  // c dt / h; stable up to 0.4528 at order 8

/// The equation on its grid: u now, and `other`, the next u (heat) or the previous one (wave).
class Problem {
 public:
  Problem(Runtime& rt, const HeatOptions& opt)
      : rt_(rt),
        opt_(opt),
        mode_(mode_of(opt)),
        grid_(rt, opt.grid, opt.grid_options()),
        u_(grid_, "u"),
        other_(grid_, "other") {}

  Kernel kernel() const {
    const kernels::Stores s = stores();
    if (opt_.is_wave())
      return opt_.order == 8 ? kernels::wave8(wave_courant, s) : kernels::wave2(wave_courant, s);
    if (opt_.stencil == 5) return kernels::heat5(heat_r, s);
    return opt_.stencil == 27 ? kernels::heat27(heat_r, s) : kernels::heat7(heat_r, s);
  }

  /// One time step, to be run any number of times.
  Graph record() {
    return rt_.record("step", [&](Recorder& r) {
      const Kernel k = opt_.delay_us > 0 ? kernels::delayed(kernel(), opt_.delay_us, rt_.ranks()) : kernel();
      const Pattern reach = opt_.stencil == 27 ? halo(1, corners) : halo(opt_.radius());
      r.each(grid_, k, read(u_, reach), opt_.is_wave() ? update(other_) : write(other_));
      r.swap(u_, other_);
    });
  }

  /// The initial state. A wave starts at rest: the step before the first mirrors the one after it for a mode,
  /// and equals the first for an array.
  void start() {
    if (opt_.starts_from_file()) {
      read_field(rt_.transport(), opt_.initial, u_);
      if (opt_.is_wave()) read_field(rt_.transport(), opt_.initial, other_);
      return;
    }
    rt_.run("start", [&](Recorder& r) {
      r.each(grid_, kernels::sine_mode(mode_, 1), write(u_));
      if (opt_.is_wave()) r.each(grid_, kernels::sine_mode(mode_, mode_factor(-1)), write(other_));
    });
  }

  bool has_solution() const { return !opt_.starts_from_file() && (opt_.radius() == 1 || opt_.is_periodic()); }
  double max_error() { return reduced<double>(kernels::sine_mode_error(mode_, mode_factor(opt_.steps))); }
  double max_abs() { return reduced<double>(kernels::max_abs()); }
  std::uint64_t checksum() {
    Scalar<std::uint64_t> hash(rt_, "checksum");
    rt_.run("checksum", [&](Recorder& r) {
      r.reduce(grid_, kernels::checksum(grid_.layout().extents()), sum(hash), read(u_));
    });
    return hash.get();
  }
  /// By how much max |u| may have grown. Heat: not at all (a maximum principle holds for r <= 1/6), but for
  /// rounding. Wave from rest: each mode by at most 1/cos(theta/2) < 2, so max |u| by 2 sqrt(cells).
  double growth_limit() const { return opt_.is_wave() ? 2 * std::sqrt(cells()) : 1 + 1e-12; }
  double cells() const { return static_cast<double>(grid_.layout().domain().size()); }

  /// Overwrites the fields; start() comes next.
  double copy_bandwidth_of_fields(int threads) {
    const View<double> u = u_.block();
    if (u.box.empty()) return 0;
    return copy_bandwidth({u.data, u.stride0, u.stride1, u.box}, other_.block(), threads);
  }

  void write_output(const Report& report) {
    ImageMetadata about;
    about.step = opt_.steps;
    about.time = static_cast<double>(opt_.steps) * (opt_.is_wave() ? wave_courant : heat_r);  // with h = 1
    about.provenance = report.provenance();
    write_vtkhdf(rt_.transport(), opt_.output, {{"u", &u_}}, about);
  }

 private:
  /// Amplitude of the mode after so many steps.
  double mode_factor(std::int64_t steps) const {
    return opt_.is_wave() ? kernels::wave_mode_factor(opt_.order, mode_, wave_courant, steps)
                          : kernels::heat_mode_factor(opt_.stencil, mode_, heat_r, steps);
  }
  /// What the ranks of a node sweep together decides whether it fits the node's caches.
  kernels::Stores stores() const {
    if (opt_.stores != "automatic")
      return opt_.stores == "cached" ? kernels::Stores::cached : kernels::Stores::streaming;
    const std::uint32_t nodes = std::max(1U, rt_.ranks() / rt_.transport().ranks_on_node());
    const auto field_bytes = static_cast<std::uint64_t>(cells()) * 2 * sizeof(double) / nodes;
    const std::uint64_t cache_bytes = last_level_cache_bytes();
    return kernels::choose_stores(kernels::Stores::automatic, field_bytes, cache_bytes);
  }
  template <class T>
  T reduced(const Kernel& kernel) {
    Scalar<T> value(rt_, kernel.name);
    rt_.run(kernel.name, [&](Recorder& r) { r.reduce(grid_, kernel, max(value), read(u_)); });
    return value.get();
  }

  Runtime& rt_;
  const HeatOptions& opt_;
  kernels::SineMode mode_;
  Grid grid_;
  Field<double> u_;
  Field<double> other_;
};

/// What copying moves, bytes read and written per second by all ranks together: on their devices, if they
/// compute there; else between the problem's own fields if these are much larger than the caches, else
/// between arrays that are.
double copy_bandwidth_gb_s(Runtime& rt, Problem& problem) {
  if (rt.device()) return all_device_copy_bytes_per_s(rt.transport(), *rt.device()) / 1e9;
  if (problem.cells() * sizeof(double) <= 4.0 * static_cast<double>(last_level_cache_bytes()))
    return all_copy_bytes_per_s(rt.transport(), rt.workers()) / 1e9;
  rt.transport().barrier();
  const double mine = problem.copy_bandwidth_of_fields(static_cast<int>(rt.workers()));
  return static_cast<double>(rt.transport().sum(static_cast<std::uint64_t>(mine))) / 1e9;
}

/// `copy_gb_s` was measured right before each repeat, so the fraction is taken repeat by repeat: the speed of
/// a shared machine changes faster than a run ends.
void report_speed(Report& report, const Problem& problem, const std::vector<double>& copy_gb_s) {
  const double bytes_per_step = problem.cells() * problem.kernel().cost.bytes;
  std::vector<double> fractions;
  for (std::size_t i = 0; i < copy_gb_s.size(); ++i)
    fractions.push_back(bytes_per_step / report.step_times()[i] / 1e9 / copy_gb_s[i]);
  const double step_s = report.step_time().median;
  report.merit("cell_updates_per_s", problem.cells() / step_s, "cells/s", "cell updates");
  report.merit("bandwidth_gb_s", bytes_per_step / step_s / 1e9, "GB/s", "bandwidth");
  report.copy_bandwidth(median_interval(copy_gb_s).median * 1e9);
  report.merit("copy_bandwidth_gb_s", median_interval(copy_gb_s).median, "GB/s", "copy bandwidth");
  report.merit("fraction_of_copy", median_interval(fractions).median, "1", "fraction of copy");
}

}  // namespace

int main(int argc, char** argv) {
  HeatOptions opt;
  Runtime rt(argc, argv, opt);
  if (opt.grid.empty()) opt.complete(read_extents(rt.transport(), opt.initial));
  if (!opt.output.empty()) check_writable(rt.transport(), "--output", opt.output);
  Report report(rt);
  report.problem("problem", opt.problem());
  report.problem("grid", opt.grid);
  report.problem("steps", opt.steps);
  report.problem("boundary", opt.boundary);
  report.problem("initial",
                 opt.starts_from_file() ? opt.initial : fmt::format("sine mode {}", joined(opt.mode, ",")));

  Problem problem(rt, opt);
  Graph step = problem.record();
  problem.start();
  const double initial_max = problem.max_abs();
  if (!std::isfinite(initial_max)) usage_error("{} holds values that are not finite", opt.initial);
  step.run(std::min<std::int64_t>(opt.steps, 4));  // warm-up

  std::set<std::uint64_t> checksums;
  std::vector<double> copy_gb_s;
  for (int repeat = 0; repeat < opt.repeat; ++repeat) {
    copy_gb_s.push_back(copy_bandwidth_gb_s(rt, problem));
    problem.start();
    report.time(step, opt.steps);
    checksums.insert(problem.checksum());
  }

  const double hundreds = std::max(1.0, static_cast<double>(opt.steps) / 100);  // rounding errors add up
  if (problem.has_solution()) report.verify("max_error", problem.max_error(), 1e-12 * hundreds);
  report.verify("max_abs", problem.max_abs(), problem.growth_limit() * initial_max);
  report.verify("different_checksums", static_cast<double>(checksums.size() - 1), 0);
  report.checksum(*checksums.begin());
  report_speed(report, problem, copy_gb_s);
  if (!opt.output.empty()) problem.write_output(report);
  return report.finish();
}
