// What a launch costs: small kernels one by one, and as a graph. The step is heat7 on boxes so small that the
// kernels take less time than their launches.
#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "gpu/check/fields.hpp"
#include "gpu/check/measure.hpp"
#include "kernels/stencil/stencil.hpp"

namespace tutti::gpu_check {

void measure_launches(Measurement& m) {
  constexpr int kernels_of_step = 20;
  const Index3 n{16, 16, 64};
  const DeviceField u(m, n, 1), next(m, n, 1);
  const auto there = m.device.prepare(one_part(kernels::heat7(0.1), {u.argument(), next.argument()}));
  const auto back = m.device.prepare(one_part(kernels::heat7(0.1), {next.argument(), u.argument()}));
  const auto step = [&] {
    for (int k = 0; k < kernels_of_step; ++k) m.launch(k % 2 == 0 ? *there : *back);
  };
  m.device.begin_capture(m.stream);
  step();
  const auto graph = m.device.end_capture(m.stream);

  // by the clock of the host, over many steps: what counts is when the next step can begin
  const auto step_us = [&](const auto& work) {
    constexpr int steps = 200;
    std::vector<double> times;
    for (int repeat = 0; repeat < 9; ++repeat) {
      m.device.synchronize();
      const auto begin = std::chrono::steady_clock::now();
      for (int s = 0; s < steps; ++s) work();
      m.device.synchronize();
      times.push_back(
          std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count() /
          steps);
    }
    std::nth_element(times.begin(), times.begin() + 4, times.end());
    return times[4];
  };
  const double one_by_one = step_us(step);
  const double in_graph = step_us([&] { m.device.launch(*graph, m.stream); });
  const std::string name = "step of " + std::to_string(kernels_of_step) + " small kernels";
  m.report.figure({name + ", one by one", one_by_one, "us", "", 0, 0});
  m.report.figure({name + ", as a graph", in_graph, "us", "", 0, 0});
  m.report.figure({name + ", times faster as a graph", one_by_one / in_graph, "", "one by one", 1, 3});
}

}  // namespace tutti::gpu_check
