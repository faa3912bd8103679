// The checks that `tutti gpu-check` runs on a GPU, on the simulated device: so that what fails there is the
// device.
#include <fstream>
#include <random>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gpu/check/checks.hpp"
#include "runtime/device/simulated.hpp"

namespace {

using namespace tutti;
using namespace tutti::gpu_check;

TEST(GpuChecks, PassOnTheSimulatedDevice) {
  const std::uint64_t seed = std::random_device{}();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  SimulatedOptions options;
  options.seed = seed;
  options.capacity_bytes = std::uint64_t{1} << 28;
  const auto device = make_simulated_device({}, options);
  std::mt19937_64 random(seed);
  Report report;
  Bench bench{*device, device->make_stream(), random, report, "simulated"};
  check_border(bench);
  check_stencils(bench);
  check_vectors(bench);
  check_scalars(bench);
  check_sparse(bench);
  check_products(bench);
  check_nets(bench);
  EXPECT_TRUE(report.all_passed());
  EXPECT_GT(report.checks(), 100U);
}

/// A device whose kernels write wrong values must not pass.
TEST(GpuChecks, FindAWrongBody) {
  SimulatedOptions options;
  options.capacity_bytes = std::uint64_t{1} << 26;
  const auto device = make_simulated_device({}, options);
  std::mt19937_64 random(1);
  Report report;
  Bench bench{*device, device->make_stream(), random, report, "simulated"};
  std::vector<double> x(100), y(100);
  bench.fill(x);
  Argument from, to;
  from.data = x.data();
  to.data = y.data();
  from.box = to.box = {{0, 0, 0}, {1, 1, 100}};
  int calls = 0;  // the device's call comes first
  const Kernel kernel = make_kernel("counts", [&calls](In<double> in, Out<double> out) {
    for (std::int64_t i = 0; i < 100; ++i) out.data[i] = in.data[i];
    if (++calls == 1) out.data[57] += 1;
  });
  compare(bench, "counts", kernel, {{from, to}}, {&x, &y}, {&y});
  EXPECT_FALSE(report.all_passed());
}

TEST(GpuChecks, ReportIsJson) {
  Report report;
  const std::string file = testing::TempDir() + "gpu_report.json";
  report.fact("device", "a \"device\"\n\\");
  report.keep_in(file);
  report.check("one", true, "fine");
  report.check("two", false, "1 of 2 values differ");
  report.figure({"heat7", 3.5, "GB/s", "copy", 4, 0.9});
  report.left_out("that", "no library");
  const auto json = nlohmann::json::parse(std::ifstream(file));
  std::remove(file.c_str());
  EXPECT_EQ(json["device"], "a \"device\"\n\\");
  EXPECT_EQ(json["checks"].size(), 2U);
  EXPECT_EQ(json["checks"][1]["passed"], false);
  EXPECT_EQ(json["figures"][0]["bound"], 4);
  EXPECT_EQ(json["left_out"][0]["why"], "no library");
  EXPECT_FALSE(report.all_passed());
}

}  // namespace
