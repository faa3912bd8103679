#include "runtime/insight/efficiency.hpp"

#include <gtest/gtest.h>

using namespace tutti;

namespace {

RankTimes rank_of(double elapsed_s, std::vector<WorkerSeconds> workers) {
  return {elapsed_s, 1, std::move(workers), {}};
}

void expect_product(const Efficiency& e, double parallel) {
  const Factors& f = e.factors;
  EXPECT_NEAR(f.parallel, parallel, 1e-12);
  EXPECT_NEAR(f.process * f.thread, f.parallel, 1e-12);
  EXPECT_NEAR(f.process_load_balance * f.process_communication, f.process, 1e-12);
  EXPECT_NEAR(f.serialisation * f.transfer, f.process_communication, 1e-12);
  EXPECT_NEAR(f.thread_load_balance * f.scheduling, f.thread, 1e-12);
  EXPECT_NEAR(e.share.useful + e.share.communication + e.share.runtime + e.share.idle, 1, 1e-12);
}

}  // namespace

TEST(Efficiency, OneRankIsNeverKeptWaitingByMessages) {
  // 2 workers, 10 s: useful 8 + 4, copies 1 + 1, idle 0 + 4, so 2 s of the runtime's own
  const Efficiency e = efficiency({rank_of(10, {{8, 1, 0}, {4, 1, 4}})}, 3);
  EXPECT_EQ(e.factors.process, 1);
  EXPECT_NEAR(e.factors.thread_load_balance, 16.0 / 20, 1e-12);
  EXPECT_NEAR(e.factors.scheduling, 12.0 / 16, 1e-12);
  EXPECT_NEAR(e.share.runtime, 2.0 / 20, 1e-12);
  expect_product(e, 12.0 / 20);
}

TEST(Efficiency, UnevenRanksAreALoadImbalance) {
  const Efficiency e = efficiency({rank_of(10, {{10, 0, 0}}), rank_of(10, {{5, 0, 5}})}, 1);
  EXPECT_NEAR(e.factors.process_load_balance, 0.75, 1e-12);
  EXPECT_NEAR(e.factors.process_communication, 1, 1e-12);
  EXPECT_NEAR(e.factors.thread, 1, 1e-12);
  expect_product(e, 0.75);
}

TEST(Efficiency, WaitingOfAllIsTransferUnlessTheCriticalPathExplainsIt) {
  const std::vector<RankTimes> ranks{rank_of(10, {{5, 0, 5}}), rank_of(10, {{5, 0, 5}})};
  const Efficiency messages = efficiency(ranks, 1);
  EXPECT_NEAR(messages.factors.transfer, 0.5, 1e-12);
  EXPECT_NEAR(messages.factors.serialisation, 1, 1e-12);
  expect_product(messages, 0.5);
  const Efficiency chain = efficiency(ranks, 10);
  EXPECT_NEAR(chain.factors.transfer, 1, 1e-12);
  EXPECT_NEAR(chain.factors.serialisation, 0.5, 1e-12);
  expect_product(chain, 0.5);
}

TEST(Efficiency, RanksThatAreDoneEarlyWait) {
  const Efficiency e = efficiency({rank_of(10, {{10, 0, 0}}), rank_of(6, {{6, 0, 0}})}, 0);
  EXPECT_NEAR(e.share.idle, 4.0 / 20, 1e-12);
  expect_product(e, 16.0 / 20);
}

TEST(Efficiency, WorkersWaitForEachOtherOnlyBeyondTheBusiestOfTheirRank) {
  // rank 1: both workers wait 2 s for messages, and one of them 4 s more for the other
  const Efficiency e =
      efficiency({rank_of(10, {{10, 0, 0}, {10, 0, 0}}), rank_of(10, {{8, 0, 2}, {4, 0, 6}})}, 0);
  EXPECT_NEAR(e.factors.process_load_balance, 0.9, 1e-12);
  EXPECT_NEAR(e.factors.thread_load_balance, 32.0 / 36, 1e-12);
  expect_product(e, 32.0 / 40);
}

TEST(Efficiency, TreeLeavesOutWhatIsOneByNature) {
  const Efficiency one = efficiency({rank_of(10, {{8, 0, 1}})}, 0);
  EXPECT_EQ(tree(one, 1).find("between ranks"), std::string::npos);
  EXPECT_EQ(tree(one, 1).find("load balance"), std::string::npos);
  EXPECT_NE(tree(one, 1).find("scheduling"), std::string::npos);
  const Efficiency two = efficiency({rank_of(10, {{8, 0, 1}}), rank_of(10, {{9, 0, 1}})}, 0);
  EXPECT_NE(tree(two, 2).find("between ranks"), std::string::npos);
}
