// When the tasks schedule replays in fixed order, and when in free order.
#include "runtime/exec/order_choice.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "runtime/insight/clock.hpp"
#include "tests/graph/simulator.hpp"

namespace tutti::test {
namespace {

struct Twice {
  void operator()(InOut<double> u) const { u(0, 0, 0) *= 2; }
};

class NoMessages : public Messages {
 public:
  bool start(std::uint32_t) override { return true; }
  bool progress(std::vector<std::uint32_t>&) override { return true; }
};

/// Four tiles on one rank, two for each of two workers.
class OrderChoiceTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();

  OrderChoiceTest() : simulator_(records(), {context_}, 1), gate_(simulator_.plan(0)) {}

  std::vector<Record> records() {
    Recorder recorder("graph");
    recorder.each(grid_, make_kernel("twice", Twice{}), update(u_));
    std::vector<Record> all;
    all.push_back({"graph", {recorder.take()}});
    return all;
  }
  void make(Order order, bool steal = true, bool oversubscribed = false) {
    team_ = std::make_unique<Team>(ExecutorContext{const_cast<Plan&>(simulator_.plan(0)), gate_, messages_,
                                                   oversubscribed, steal, order, profile_, nullptr, 0});
    choice_ = std::make_unique<OrderChoice>(*team_, profile_, order);
  }
  /// Every node was measured once, and took so long; those of worker 0 `more_s` longer.
  void measured(Length length, double more_s = 0) {
    for (std::size_t n = 0; n < team_->nodes.size(); ++n) {
      team_->nodes[n].length = length;
      const double took_s = 50e-9 + (team_->nodes[n].home == 0 ? more_s : 0);
      profile_.nodes[n] = {static_cast<std::uint64_t>(took_s / seconds_per_tick()), 1};
    }
  }

  RankContext context_{RankId{0}, 1, 2, nullptr};
  Grid grid_{context_, {4, 8}, GridOptions{{1, 8}, Boundary::fixed(0), 0}};
  Field<double> u_{grid_, "u"};
  Simulator simulator_;
  StepGate gate_;
  NoMessages messages_;
  Profile profile_{4, 2};
  std::unique_ptr<Team> team_;
  std::unique_ptr<OrderChoice> choice_;
};

TEST_F(OrderChoiceTest, MeasuresFirst) {
  make(Order::automatic);
  const auto first = choice_->first(0);
  EXPECT_FALSE(first.fixed);
  EXPECT_GT(first.until, 0);
  EXPECT_LT(first.until, 100);
  measured(Length::brief);
  const auto next = choice_->next(first.until);
  EXPECT_TRUE(next.fixed);
  EXPECT_GT(next.until, first.until);
  EXPECT_LT(next.until, forever);
}

TEST_F(OrderChoiceTest, FreeIfOneNodeTakesLonger) {
  make(Order::automatic);
  measured(Length::brief);
  team_->nodes[2].length = Length::a_while;
  EXPECT_FALSE(choice_->first(100000).fixed);
  EXPECT_EQ(choice_->next(100000).until, forever);
}

TEST_F(OrderChoiceTest, LooksAgainWhenNodesHaveGrown) {
  make(Order::automatic);
  measured(Length::brief);
  ASSERT_TRUE(choice_->first(100000).fixed);
  measured(Length::lasting);
  team_->workers[1]->saw_long_node = true;
  EXPECT_FALSE(choice_->next(100001).fixed);
  measured(Length::brief);
  EXPECT_TRUE(choice_->first(100002).fixed);
}

TEST_F(OrderChoiceTest, FreeIfSomebodyHasMoreToDo) {
  make(Order::automatic);
  measured(Length::brief, 1.5e-6);
  EXPECT_FALSE(choice_->first(100000).fixed);
  make(Order::automatic, false);  // and nobody may take it
  measured(Length::brief, 1.5e-6);
  EXPECT_TRUE(choice_->first(100000).fixed);
  make(Order::automatic);
  measured(Length::brief, 0.3e-6);  // not worth to be taken
  EXPECT_TRUE(choice_->first(100000).fixed);
}

TEST_F(OrderChoiceTest, FreeWithMoreWorkersThanCores) {
  make(Order::automatic, true, true);
  measured(Length::brief);
  EXPECT_FALSE(choice_->first(100000).fixed);
}

TEST_F(OrderChoiceTest, DoesAsItIsTold) {
  make(Order::fixed);
  EXPECT_TRUE(choice_->first(0).fixed);
  EXPECT_EQ(choice_->first(0).until, forever);
  make(Order::free);
  measured(Length::brief);
  EXPECT_FALSE(choice_->first(100000).fixed);
  EXPECT_EQ(choice_->first(100000).until, forever);
}

}  // namespace
}  // namespace tutti::test
