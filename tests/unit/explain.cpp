#include "runtime/insight/explain.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "runtime/insight/findings.hpp"

using namespace tutti;

namespace {

constexpr Roofline roofline{100e9, 40e9};

RankTimes rank_of(double elapsed_s, std::vector<WorkerSeconds> workers, const OperationTime& operation) {
  return {elapsed_s, 1, std::move(workers), {operation}};
}

Findings of(std::vector<RankTimes> ranks, double critical_path_s = 0, double steps = 100) {
  Findings f;
  f.efficiency = efficiency(ranks, critical_path_s);
  f.steps = steps;
  f.critical_path_s = critical_path_s / steps;
  OperationFinding all{"kernel", {}};
  for (const RankTimes& r : ranks) {
    all.all.calls += r.operations[0].calls;
    all.all.time_s += r.operations[0].time_s;
    all.all.flops += r.operations[0].flops;
    all.all.bytes += r.operations[0].bytes;
  }
  f.operations = {all};
  f.ranks = std::move(ranks);
  return f;
}

void expect_says(const std::vector<std::string>& sentences, const std::string& part) {
  ASSERT_GE(sentences.size(), 2U);
  ASSERT_LE(sentences.size(), 3U);
  const std::string text = sentences[0] + " " + sentences[1];
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

}  // namespace

TEST(Explain, NothingWithoutTimedSteps) { EXPECT_TRUE(explain(Findings{}, roofline, {}).empty()); }

TEST(Explain, WorkersThatShareProcessorsComeFirst) {
  const Findings f = of({rank_of(1, {{0.3, 0, 0.7}}, {100, 0.3, 0, 0})});
  expect_says(explain(f, roofline, {"node7", "0", 4, 1}),
              "4 of them on node7 may run on no more than 1 processor");
}

TEST(Explain, OtherProgramsComeNext) {
  const Findings f = of({rank_of(1, {{0.3, 0, 0.4, 0.25}}, {100, 0.3, 0, 0})});
  expect_says(explain(f, roofline, {}), "for 25 % of the time workers could not go on");
}

TEST(Explain, UnevenWorkAndSlowRanksAreToldApart) {
  const OperationTime half{100, 0.5, 5e9, 5e9}, whole{200, 1, 10e9, 10e9}, slow{100, 1, 5e9, 5e9};
  expect_says(explain(of({rank_of(1, {{0.5, 0, 0.5}}, half), rank_of(1, {{1, 0, 0}}, whole)}), roofline, {}),
              "It has 1.33 times the mean share of the work");
  const auto text =
      explain(of({rank_of(1, {{0.5, 0, 0.5}}, half), rank_of(1, {{1, 0, 0}}, slow)}), roofline, {});
  expect_says(text, "it is the rank that is slow");
  expect_says(text, "rank 1 computes 1.33 times");
}

TEST(Explain, MessagesAndChains) {
  const OperationTime op{100, 0.5, 0, 0};
  const std::vector<RankTimes> ranks{rank_of(1, {{0.5, 0.1, 0.4}}, op), rank_of(1, {{0.5, 0.1, 0.4}}, op)};
  expect_says(explain(of(ranks), roofline, {}), "Messages limit this run");
  expect_says(explain(of(ranks, 0.95), roofline, {}), "Ranks that depend on each other");
}

TEST(Explain, IdleWorkersAndSmallTasks) {
  const OperationTime few{100, 1.3, 0, 0}, many{10'000'000, 1, 0, 0};
  expect_says(explain(of({rank_of(1, {{1, 0, 0}, {0.3, 0, 0.7}}, few)}), roofline, {}),
              "1 tasks per step for 2 workers");
  expect_says(explain(of({rank_of(1, {{0.5, 0, 0}, {0.5, 0, 0}}, many)}), roofline, {}), "Too small tasks");
}

TEST(Explain, OneWorkerForAllTasks) {
  RankTimes rank = rank_of(1, {{1, 0, 0}, {0, 0, 1}}, {10'000, 1, 0, 0});
  rank.single_s = 0.9;
  expect_says(explain(of({rank}), roofline, {}), "one worker of a rank alone took less time");
}

TEST(Explain, TheBusiestKernelUnderTheRoofline) {
  const auto run = [](double flops, double bytes) {
    return explain(of({rank_of(1, {{1, 0, 0}}, {100, 1, flops, bytes})}), roofline, {});
  };
  expect_says(run(5e9, 36e9), "Memory bandwidth limits this run");
  expect_says(run(80e9, 8e9), "The arithmetic of the cores limits this run");
  expect_says(run(5e9, 8e9), "neither memory nor arithmetic");
  expect_says(run(5e9, 90e9), "It works from the caches");
}

TEST(Findings, JsonHasWhatItsHeaderSays) {
  const Findings f =
      of({rank_of(2, {{1, 0.25, 0.5}}, {100, 1, 5e9, 10e9}), rank_of(1.5, {{1, 0, 0}}, {100, 1, 0, 0})});
  const nlohmann::json json = efficiency_json(f, roofline, {"a", "b"});
  EXPECT_EQ(json["factors"].size(), 9U);
  EXPECT_EQ(json["workers"][0], (std::vector<double>{1, 0.25, 0.25, 0.5}));
  EXPECT_EQ(json["workers"][1], (std::vector<double>{1, 0, 0.5, 0.5})) << "it was done early and waited";
  const auto& op = json["operations"][0];
  EXPECT_EQ(op["calls"], 200);
  EXPECT_DOUBLE_EQ(op["gflops"].get<double>(), 5.0);  // 2 s of two workers are 1 s
  EXPECT_DOUBLE_EQ(op["gb_s"].get<double>(), 10.0);
  EXPECT_DOUBLE_EQ(op["fraction_of_roofline"].get<double>(), 0.25);
  EXPECT_DOUBLE_EQ(op["share"].get<double>(), 0.5);
}
