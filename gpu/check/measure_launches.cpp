// What a launch costs: small kernels one by one, as a graph, and in a loop on the device. The step is heat7
// on boxes so small that the kernels take less time than their launches.
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "gpu/check/fields.hpp"
#include "gpu/check/measure.hpp"
#include "kernels/stencil/stencil.hpp"
#include "runtime/device/step_loop.hpp"

namespace tutti::gpu_check {
namespace {

constexpr int kernels_of_step = 20;
const std::string name = "step of " + std::to_string(kernels_of_step) + " small kernels";

/// By the clock of the host, over many calls: what counts is when the next one can begin.
double call_us(Measurement& m, int calls, const std::function<void()>& work) {
  std::vector<double> times;
  for (int repeat = 0; repeat < 9; ++repeat) {
    m.device.synchronize();
    const auto begin = std::chrono::steady_clock::now();
    for (int c = 0; c < calls; ++c) work();
    m.device.synchronize();
    times.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count() / calls);
  }
  std::nth_element(times.begin(), times.begin() + 4, times.end());
  return times[4];
}

StridedCopy bytes(const void* from, void* to, std::uint64_t n) {
  StridedCopy c;
  c.from = static_cast<const std::byte*>(from);
  c.to = static_cast<std::byte*>(to);
  c.row_bytes = n;
  return c;
}

/// The step as a graph that the host waits for, as it must where it decides whether to go on; and in a loop.
void measure_loops(Measurement& m, const std::function<void()>& step) {
  if (!m.device.has_loops()) {
    m.report.left_out(name + ", in a loop", "this toolkit or driver has no conditional graph nodes");
    return;
  }
  constexpr std::int64_t rounds = 64;
  const DeviceBytes memory(m, sizeof(StepLoop));
  auto* const loop = reinterpret_cast<StepLoop*>(memory.data());
  const StepLoop endless{0, 0, std::int64_t{1} << 62, 0, -1};
  m.device.copy(bytes(&endless, loop, sizeof endless), Direction::to_device, m.stream);
  const Argument none, state{loop, 1, 1, {{0, 0, 0}, {1, 1, 1}}};
  const auto resume = m.device.prepare(one_part(resume_steps(rounds), {state}));
  const auto end = m.device.prepare(one_part(end_of_step(1), {none, none, state}));
  m.device.begin_capture(m.stream);
  step();
  m.launch(*end);
  const auto piece = m.device.end_capture(m.stream);
  const auto graph = m.device.make_loop({piece.get()}, &loop->next);

  std::byte* const seen = m.device.allocate_pinned(sizeof(StepLoop), "a measurement");
  const EventId done = m.device.make_event();
  const double with_host = call_us(m, 200, [&] {
    m.device.launch(*piece, m.stream);
    m.device.copy(bytes(loop, seen, sizeof(StepLoop)), Direction::to_host, m.stream);
    m.device.record(done, m.stream);
    while (!m.device.has_happened(done)) {
    }
  });
  m.device.free_pinned(seen);
  const double in_loop = call_us(m, 4,
                                 [&] {
                                   m.launch(*resume);
                                   m.device.launch(*graph, m.stream);
                                 }) /
                         static_cast<double>(rounds);
  m.report.figure({name + ", as a graph whose end the host looks at", with_host, "us", "", 0, 0});
  m.report.figure({name + ", in a loop on the device", in_loop, "us", "", 0, 0});
  m.report.figure({name + ", times faster in a loop", with_host / in_loop, "", "looking at each", 1, 1});
}

}  // namespace

void measure_launches(Measurement& m) {
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

  const double one_by_one = call_us(m, 200, step);
  const double in_graph = call_us(m, 200, [&] { m.device.launch(*graph, m.stream); });
  m.report.figure({name + ", one by one", one_by_one, "us", "", 0, 0});
  m.report.figure({name + ", as a graph", in_graph, "us", "", 0, 0});
  m.report.figure({name + ", times faster as a graph", one_by_one / in_graph, "", "one by one", 1, 3});
  measure_loops(m, step);
}

}  // namespace tutti::gpu_check
