// Random programs on 1 to 4 ranks, each with a simulated device, must equal their sequential interpretation
// exactly: with all kernels on the device, and with some that only the host has.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "runtime/device/simulated.hpp"
#include "tests/graph/local_job.hpp"
#include "tests/graph/random_job.hpp"

namespace tutti::test {
namespace {

struct Trial {
  std::uint32_t ranks = 1;
  bool some_on_host = false;
  bool loops = true;
  HostView view = HostView::unaware;
};

void try_program(const RandomProgram& program, const Trial& trial) {
  const std::uint64_t seed = program.seed;
  SimulatedOptions& device = SimulatedOptions::defaults();
  device.seed = seed;
  device.capacity_bytes = std::uint64_t{64} << 20;
  device.host_view = trial.view;
  device.has_loops = trial.loops;
  device.has_body = {};
  if (trial.some_on_host)
    device.has_body = [seed](const Kernel& k) { return (std::hash<std::string>{}(k.name) ^ seed) % 3 != 0; };
  Options options;
  options.device = "simulated";
  options.threads = static_cast<int>(1 + seed / 4 % 2);
  options.watchdog_s = 60;
  SCOPED_TRACE(fmt::format("{} ranks, {}", trial.ranks, program.describe()));
  const RandomJob job(program);
  // looking at the data brings it to the host: not after every run
  const auto look = [&](std::size_t run) { return (seed + run) % 2 == 0 || run + 1 == program.runs.size(); };
  const auto per_node = static_cast<std::uint32_t>(seed / 8 % 3);
  run_local_job(
      trial.ranks, options, [&](Runtime& rt) { job.run(rt, look); }, per_node);
  device = {};
}

void try_seeds(std::uint64_t first, const Trial& trial) {
  for_seeds(first, 60, [&](std::uint64_t seed) {
    Trial with_ranks = trial;
    with_ranks.ranks = static_cast<std::uint32_t>(1 + seed % 4);
    try_program(RandomProgram::make(seed), with_ranks);
  });
}

TEST(DevicePrograms, EqualSequentialExecution) { try_seeds(30000, {}); }
TEST(DevicePrograms, EqualItWithSomeKernelsOnTheHost) { try_seeds(40000, {.some_on_host = true}); }
TEST(DevicePrograms, EqualItWithMessagesInDeviceMemory) {
  try_seeds(50000, {.some_on_host = true, .view = HostView::aware});
}
// one rank decides on its device when to stop, if it has loops
TEST(DevicePrograms, EqualItWhereTheyStop) {
  for_seeds(60000, 600, [](std::uint64_t seed) {
    const RandomProgram program = RandomProgram::make(seed);
    if (!program.may_stop()) return;
    try_program(program, {.loops = seed % 3 != 0});
  });
}

}  // namespace
}  // namespace tutti::test
