#include "runtime/report.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include <gtest/gtest.h>

#include "runtime/error.hpp"
#include "runtime/insight/provenance.hpp"
#include "runtime/insight/topology.hpp"

using namespace tutti;

namespace {

struct TestOptions : Options {
  std::string app_name() const override { return "app"; }
  std::string app_description() const override { return "an application"; }
  void declare(CLI::App&) override {}
};

std::shared_ptr<Transport> alone() { return make_local_transports(1)[0]; }

/// A file name that no other test uses; the file is removed at the end.
struct TemporaryName {
  std::string path = ::testing::TempDir() + "tutti_report.json";
  ~TemporaryName() { std::filesystem::remove(path); }
};

}  // namespace

TEST(Report, UnitsGetAPrefix) {
  EXPECT_EQ(with_unit(0.0012345, "s"), "1.234 ms");
  EXPECT_EQ(with_unit(2.5e9, "cells/s"), "2.5 Gcells/s");
  EXPECT_EQ(with_unit(12.34567, "GB/s"), "12.35 GB/s");
  EXPECT_EQ(with_unit(0.75, "1"), "0.75");
  EXPECT_EQ(with_unit(0, "s"), "0 s");
  EXPECT_EQ(with_unit(3e-12, "s"), "0.003 ns");
  EXPECT_EQ(range_with_unit(0.9e-3, 1.2e-3, "s"), "0.9 .. 1.2 ms");
}

TEST(Report, VerdictFollowsTheChecks) {
  TestOptions options;
  options.quiet = true;
  const auto transport = alone();
  Report report(*transport, options, 1);
  EXPECT_FALSE(report.verified()) << "a run without a check is not verified";
  report.verify("error", 1e-13, 1e-12);
  EXPECT_TRUE(report.verified());
  EXPECT_EQ(report.finish(), 0);
  report.verify("other", std::numeric_limits<double>::quiet_NaN(), 1);
  EXPECT_FALSE(report.verified());
  EXPECT_EQ(report.finish(), 1);
}

TEST(Report, BlockHasEveryLine) {
  TestOptions options;
  const auto transport = alone();
  Report report(*transport, options, 2);
  report.problem("grid", {128, 64, 32});
  report.problem("equation", "heat");
  for (const double t : {1e-3, 2e-3, 3e-3}) report.time(t);
  report.merit("cell_updates_per_s", 2e9, "cells/s", "cell updates");
  report.verify("error", 1, 0.5);
  report.checksum(0xabc);
  const std::string block = report.block();
  for (const char* part :
       {"128 x 64 x 32", "heat", "1 rank x 2 threads", "schedule tasks", "2 ms", "range 1 .. 3 ms",
        "median of 3 repeats", "2 Gcells/s", "FAILED", "0x0000000000000abc"})
    EXPECT_NE(block.find(part), std::string::npos) << part << "\n" << block;
}

TEST(Report, JsonHasExactlyTheKeys) {
  TestOptions options;
  const auto transport = alone();
  Report report(*transport, options, 1);
  report.problem("grid", {4, 4});
  report.time(1e-3);
  report.merit("rate", 5, "1/s");
  report.verify("error", 0, 1);
  const auto json = report.json();
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"app", "checksum", "config", "device", "efficiency",
                                            "figures_of_merit", "git_commit", "machine", "ranks", "schedule",
                                            "threads_per_rank", "timings", "verification", "version"}));
  EXPECT_TRUE(json["checksum"].is_null());
  EXPECT_EQ(json["config"]["grid"], (std::vector<int>{4, 4}));
  EXPECT_EQ(json["timings"]["iteration_s"]["n"], 1);
  EXPECT_EQ(json["figures_of_merit"][0]["unit"], "1/s");
  EXPECT_EQ(json["verification"][0]["passed"], true);
  EXPECT_EQ(json["machine"]["affinity"].size(), 1U);
}

TEST(Report, SeriesAreThereOnlyIfThereAreAny) {
  TestOptions options;
  const auto transport = alone();
  Report report(*transport, options, 1);
  EXPECT_FALSE(report.json().contains("series"));
  report.series("efficiency", {1.5, 2.5});
  EXPECT_EQ(report.json()["series"]["efficiency"][1], 2.5);
}

TEST(Report, UnitsWithAPrefixAndLongNamesStayReadable) {
  EXPECT_EQ(with_unit(0.431, "us"), "0.431 us");
  EXPECT_EQ(with_unit(4813, "ns"), "4813 ns");
  EXPECT_EQ(with_unit(12.5, "GB/s"), "12.5 GB/s");
  TestOptions options;
  const auto transport = alone();
  Report report(*transport, options, 1);
  report.merit("a_name_of_more_than_22_letters", 3, "1");
  EXPECT_NE(report.block().find("more than 22 letters 3\n"), std::string::npos);
}

TEST(Report, WritesTheFileWholeOrRefusesAtTheStart) {
  const TemporaryName name;
  TestOptions options;
  options.quiet = true;
  options.json = name.path;
  const auto transport = alone();
  Report report(*transport, options, 1);
  EXPECT_FALSE(std::filesystem::exists(name.path)) << "the trial at the start leaves nothing";
  report.verify("error", 0, 1);
  EXPECT_EQ(report.finish(), 0);
  EXPECT_EQ(nlohmann::json::parse(std::ifstream(name.path))["app"], "app");
  EXPECT_FALSE(std::filesystem::exists(name.path + ".tmp"));

  options.json = "/nonexistent/folder/x.json";
  try {
    Report refused(*transport, options, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::environment);
    EXPECT_EQ(std::string(error.what()),
              "cannot write --json '/nonexistent/folder/x.json': No such file or directory");
  }
}

TEST(Provenance, KnowsThisMachine) {
  EXPECT_FALSE(machine().host.empty());
  EXPECT_GE(machine().hardware_threads, 1U);
  EXPECT_GT(machine().memory_bytes, 0U);
  EXPECT_FALSE(worker_affinity(1)[0].empty());
}

TEST(Provenance, NamesCommandLibrariesAndWhereWorkersAre) {
  const auto transport = alone();
  const nlohmann::json all = provenance(*transport, 2);
  EXPECT_NE(all["command"].get<std::string>().find("unit_report"), std::string::npos);
  EXPECT_EQ(all["started"].get<std::string>().size(), std::string("2024-05-01T12:34:56Z").size());
  for (const char* library : {"transport", "field_files", "kokkos", "openmp", "hwloc"})
    EXPECT_FALSE(all["libraries"][library].get<std::string>().empty()) << library;
  const nlohmann::json& rank = all["affinity"][0];
  ASSERT_EQ(rank["workers"].size(), 2U);
  ASSERT_EQ(rank["objects"].size(), 2U);
  ASSERT_EQ(rank["cores"].size(), 2U);
  EXPECT_FALSE(rank["cores"][1].get<std::string>().empty());
  EXPECT_NE(rank["objects"][1].get<std::string>().find("Core:"), std::string::npos) << rank;
  EXPECT_NE(affinity_table(*transport, 2).find("worker 1 may run on"), std::string::npos);
}

TEST(Provenance, IsPartOfTheReport) {
  TestOptions options;
  const auto transport = alone();
  Report report(*transport, options, 1);
  report.problem("grid", {4, 4});
  const nlohmann::json json = report.json();
  const nlohmann::json part = report.provenance();
  for (const auto& [key, value] : part.items()) EXPECT_EQ(json[key], value) << key;
  EXPECT_EQ(part["config"]["grid"], (std::vector<int>{4, 4}));
}

TEST(Topology, ListsAreShort) {
  EXPECT_EQ(as_list({}), "");
  EXPECT_EQ(as_list({3}), "3");
  EXPECT_EQ(as_list({0, 1, 2, 8, 10, 11}), "0-2,8,10-11");
}

TEST(Topology, NoProcessorIsNowhere) { EXPECT_EQ(Topology::of_this_node().objects_of({}), ""); }
