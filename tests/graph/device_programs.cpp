// Random programs on 1 to 4 ranks, each with a simulated device, must equal their sequential interpretation
// exactly: with all kernels on the device, and with some that only the host has.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "runtime/device/simulated.hpp"
#include "tests/graph/local_job.hpp"
#include "tests/graph/random_job.hpp"

namespace tutti::test {
namespace {

void try_program(std::uint64_t seed, bool some_on_host, HostView view = HostView::unaware) {
  const RandomProgram program = RandomProgram::make(seed);
  const auto ranks = static_cast<std::uint32_t>(1 + seed % 4);
  SimulatedOptions& device = SimulatedOptions::defaults();
  device.seed = seed;
  device.capacity_bytes = std::uint64_t{64} << 20;
  device.host_view = view;
  device.has_body = {};
  if (some_on_host)
    device.has_body = [seed](const Kernel& k) { return (std::hash<std::string>{}(k.name) ^ seed) % 3 != 0; };
  Options options;
  options.device = "simulated";
  options.threads = static_cast<int>(1 + seed / 4 % 2);
  options.watchdog_s = 60;
  SCOPED_TRACE(fmt::format("{} ranks, {}", ranks, program.describe()));
  const RandomJob job(program);
  // looking at the data brings it to the host: not after every run
  const auto look = [&](std::size_t run) { return (seed + run) % 2 == 0 || run + 1 == program.runs.size(); };
  const auto per_node = static_cast<std::uint32_t>(seed / 8 % 3);
  run_local_job(
      ranks, options, [&](Runtime& rt) { job.run(rt, look); }, per_node);
  device = {};
}

TEST(DevicePrograms, EqualSequentialExecution) {
  for_seeds(30000, 60, [](std::uint64_t seed) { try_program(seed, false); });
}
TEST(DevicePrograms, EqualItWithSomeKernelsOnTheHost) {
  for_seeds(40000, 60, [](std::uint64_t seed) { try_program(seed, true); });
}
TEST(DevicePrograms, EqualItWithMessagesInDeviceMemory) {
  for_seeds(50000, 60, [](std::uint64_t seed) { try_program(seed, true, HostView::aware); });
}

}  // namespace
}  // namespace tutti::test
