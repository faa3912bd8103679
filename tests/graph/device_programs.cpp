// Random programs on 1 to 4 ranks, each with a simulated device, must equal their sequential interpretation
// exactly: with all kernels on the device, and with some that only the host has.
#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "runtime/device/simulated.hpp"
#include "tests/graph/local_job.hpp"
#include "tests/graph/random_program.hpp"

namespace tutti::test {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

void try_program(std::uint64_t seed, bool some_on_host) {
  const RandomProgram program = RandomProgram::make(seed);
  const auto ranks = static_cast<std::uint32_t>(1 + seed % 4);
  SimulatedOptions& device = SimulatedOptions::defaults();
  device.seed = seed;
  device.capacity_bytes = std::uint64_t{64} << 20;
  device.has_body = {};
  if (some_on_host)
    device.has_body = [seed](const Kernel& k) { return (std::hash<std::string>{}(k.name) ^ seed) % 3 != 0; };
  Options options;
  options.device = "simulated";
  options.threads = static_cast<int>(1 + seed / 4 % 2);
  options.watchdog_s = 60;
  SCOPED_TRACE(fmt::format("{} ranks, {}", ranks, program.describe()));

  std::vector<Oracle> oracles;  // one after each run
  std::vector<std::int64_t> expected;
  oracles.emplace_back(program);
  for (const std::int64_t steps : program.runs) {
    oracles.push_back(oracles.back());
    if (const RandomStatement* swap = program.outside_swap(); swap && !expected.empty())
      oracles.back().swap_fields(*swap);
    expected.push_back(oracles.back().run(steps));
  }
  const auto body = [&](Runtime& rt) {
    RecordedProgram data(program, rt, rt.transport());
    Graph graph = rt.record("random", static_cast<int>(program.phases.size()),
                            [&](Recorder& r, int phase) { data.record(r, phase); });
    const RandomStatement* swap = program.outside_swap();
    Graph outside = rt.record("outside", [&](Recorder& r) {
      if (swap) data.record_swap(r, *swap);
    });
    for (std::size_t i = 0; i < program.runs.size(); ++i) {
      if (i > 0) outside.run(1);
      EXPECT_EQ(graph.run(program.runs[i]), expected[i]);
      // looking at the data brings it to the host: not after every run
      if ((seed + i) % 2 == 0 || i + 1 == program.runs.size()) {
        EXPECT_EQ(oracles[i + 1].difference(data), "")
            << "after run " << i << ", " << ranks << " ranks, " << program.describe();
      }
    }
  };
  run_local_job(ranks, options, body);
  device = {};
}

void try_programs(std::uint64_t first, bool some_on_host) {
  const std::uint64_t count = from_environment("TUTTI_RANDOM_PROGRAMS", 60);
  first = from_environment("TUTTI_RANDOM_SEED", first);
  fmt::print("seeds {} to {}\n", first, first + count - 1);
  for (std::uint64_t seed = first; seed < first + count && !::testing::Test::HasFailure(); ++seed)
    try_program(seed, some_on_host);
}

TEST(DevicePrograms, EqualSequentialExecution) { try_programs(30000, false); }
TEST(DevicePrograms, EqualItWithSomeKernelsOnTheHost) { try_programs(40000, true); }

}  // namespace
}  // namespace tutti::test
