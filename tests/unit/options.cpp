#include "runtime/options.hpp"

#include <gtest/gtest.h>

#include "runtime/error.hpp"
#include "runtime/insight/provenance.hpp"

using namespace tutti;

namespace {

struct TestOptions : Options {
  std::int64_t steps = 7;
  double factor = 1;
  std::vector<std::int64_t> grid;
  bool checked = false;
  std::string app_name() const override { return "app"; }
  std::string app_description() const override { return "an application"; }
  void declare(CLI::App& app) override {
    add_integer(app, "--steps", steps, 0, "steps");
    add_number(app, "--factor", factor, 0, "factor");
    add_extents(app, "--grid", grid, "cells");
  }
  void validate() override { checked = true; }
};

bool parse(TestOptions& options, std::vector<const char*> words) {
  words.insert(words.begin(), "app");
  return parse_options(static_cast<int>(words.size()), words.data(), options, false);
}

/// The message of the usage error that these words cause.
std::string refused(const std::vector<const char*>& words) {
  TestOptions options;
  try {
    parse(options, words);
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::usage);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST(Options, Defaults) {
  TestOptions o;
  EXPECT_TRUE(parse(o, {}));
  EXPECT_EQ(o.threads, 0);
  EXPECT_EQ(o.device, "cpu");
  EXPECT_EQ(o.schedule, Schedule::tasks);
  EXPECT_EQ(o.steps, 7);
  EXPECT_TRUE(o.checked);
}

TEST(Options, Values) {
  TestOptions o;
  EXPECT_TRUE(parse(o, {"--threads", "3", "--schedule=bulk", "--tile", "8,16,32", "--repeat", "2", "--seed",
                        "18446744073709551615", "--json", "out.json", "--watchdog", "0.5", "--quiet",
                        "--grid", "96,80,72", "--factor", "1e-3"}));
  EXPECT_EQ(o.threads, 3);
  EXPECT_EQ(o.schedule, Schedule::bulk);
  EXPECT_EQ(o.tile, (std::vector<std::int64_t>{8, 16, 32}));
  EXPECT_EQ(o.repeat, 2);
  EXPECT_EQ(o.seed, ~std::uint64_t{0});
  EXPECT_EQ(o.json, "out.json");
  EXPECT_EQ(o.watchdog_s, 0.5);
  EXPECT_TRUE(o.quiet);
  EXPECT_EQ(o.grid, (std::vector<std::int64_t>{96, 80, 72}));
  EXPECT_EQ(o.factor, 1e-3);
}

TEST(Options, TheLastOneCounts) {
  TestOptions o;
  EXPECT_TRUE(parse(o, {"--steps", "1", "--steps", "2", "--grid", "4", "--grid", "5,6"}));
  EXPECT_EQ(o.steps, 2);
  EXPECT_EQ(o.grid, (std::vector<std::int64_t>{5, 6}));
}

TEST(Options, BadNumbersAreNamed) {
  EXPECT_EQ(refused({"--steps", "-5"}),
            "--steps takes a whole number from 0 to 9223372036854775807, not '-5'");
  EXPECT_NE(refused({"--steps", "99999999999999999999"}).find("not '99999999999999999999'"),
            std::string::npos);
  EXPECT_NE(refused({"--steps", "3x"}).find("not '3x'"), std::string::npos);
  EXPECT_NE(refused({"--steps="}).find("--steps"), std::string::npos);
  EXPECT_NE(refused({"--threads", "two"}).find("--threads"), std::string::npos);
  EXPECT_NE(refused({"--repeat", "0"}).find("from 1"), std::string::npos);
  EXPECT_NE(refused({"--factor", "nan"}).find("not 'nan'"), std::string::npos);
  EXPECT_NE(refused({"--watchdog", "-1"}).find("at least 0"), std::string::npos);
}

TEST(Options, BadExtentsAreNamed) {
  for (const char* text : {"0", "4,0,4", "4,,4", "4,", "a", "-3", "4x4"})
    EXPECT_NE(refused({"--grid", text}).find("--grid takes whole numbers"), std::string::npos) << text;
  EXPECT_NE(refused({"--grid", "1,2,3,4"}).find("at most 3"), std::string::npos);
}

TEST(Options, UnknownAndMissing) {
  EXPECT_EQ(refused({"--setps", "5"}), "unknown option '--setps' (app --help lists the options)");
  EXPECT_EQ(refused({"fast"}), "unknown argument 'fast' (app --help lists the options)");
  EXPECT_NE(refused({"--steps"}).find("--steps"), std::string::npos);
  EXPECT_NE(refused({"--schedule", "eager"}).find("tasks, bulk, kokkos"), std::string::npos);
  EXPECT_NE(refused({"--device", "tpu"}).find("cpu, cuda"), std::string::npos);
  if (!built_with("cuda")) {
    EXPECT_NE(refused({"--device", "cuda"}).find("no CUDA device"), std::string::npos);
  }
  if (!built_with("kokkos")) {
    EXPECT_NE(refused({"--schedule", "kokkos"}).find("TUTTI_KOKKOS"), std::string::npos);
  }
}

TEST(Options, HelpAndVersionEndTheProgram) {
  TestOptions o;
  EXPECT_FALSE(parse(o, {"--help"}));
  EXPECT_FALSE(parse(o, {"--version"}));
}
