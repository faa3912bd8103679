// When the tasks schedule replays in fixed or single order, and when in free order.
#include "runtime/exec/order_choice.hpp"

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <limits>
#include <set>
#include <thread>

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
    profile_.nodes.assign(profile_.nodes.size(), {});
    choice_ = std::make_unique<OrderChoice>(*team_, profile_, order);
  }
  /// Every node was measured once more, and took so long (lasting: more than a short step); those of worker 0
  /// `more_s` longer.
  void measured(Length length, double more_s = 0) {
    for (std::size_t n = 0; n < team_->nodes.size(); ++n) {
      team_->nodes[n].length = length;
      const double took_s =
          (length == Length::lasting ? 300e-6 : 50e-9) + (team_->nodes[n].home == 0 ? more_s : 0);
      profile_.nodes[n].ticks += static_cast<std::uint64_t>(took_s / seconds_per_tick());
      ++profile_.nodes[n].samples;
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
  EXPECT_EQ(first.order, Order::free);
  EXPECT_GT(first.until, 0);
  EXPECT_LT(first.until, 100);
  measured(Length::brief);
  const auto next = choice_->next(first.until);
  EXPECT_EQ(next.order, Order::fixed);
  EXPECT_GT(next.until, first.until);
  EXPECT_LT(next.until, forever);
}

TEST_F(OrderChoiceTest, FreeIfOneNodeTakesLonger) {
  make(Order::automatic);
  measured(Length::brief);
  team_->nodes[2].length = Length::lasting;
  profile_.nodes[2].ticks = static_cast<std::uint64_t>(300e-6 / seconds_per_tick());
  EXPECT_EQ(choice_->first(100000).order, Order::free);
  EXPECT_EQ(choice_->next(100000).until, forever);
  make(Order::automatic);
  measured(Length::brief);
  team_->nodes[2].length = Length::a_while;
  EXPECT_EQ(choice_->first(100000).order, Order::free) << "if others are tried afterwards";
}

TEST_F(OrderChoiceTest, LooksAgainWhenNodesHaveGrown) {
  make(Order::automatic);
  measured(Length::brief);
  ASSERT_EQ(choice_->first(100000).order, Order::fixed);
  measured(Length::lasting);
  team_->workers[1]->saw_long_node = true;
  EXPECT_EQ(choice_->next(100001).order, Order::free);
  measured(Length::brief);
  EXPECT_EQ(choice_->first(100002).order, Order::fixed);
}

TEST_F(OrderChoiceTest, FreeIfSomebodyHasMoreToDo) {
  make(Order::automatic);
  measured(Length::brief, 1.5e-6);
  EXPECT_EQ(choice_->first(100000).order, Order::free);
  make(Order::automatic, false);  // and nobody may take it
  measured(Length::brief, 1.5e-6);
  EXPECT_EQ(choice_->first(100000).order, Order::fixed);
  make(Order::automatic);
  measured(Length::brief, 0.3e-6);  // not worth to be taken
  EXPECT_EQ(choice_->first(100000).order, Order::fixed);
}

TEST_F(OrderChoiceTest, FreeWithMoreWorkersThanCores) {
  make(Order::automatic, true, true);
  measured(Length::brief);
  EXPECT_EQ(choice_->first(100000).order, Order::free);
}

/// Takes `turns` whole turns of `s` seconds each.
void take_turns(Contest& contest, std::initializer_list<double> turns) {
  for (const double s : turns) {
    ASSERT_FALSE(contest.decided());
    const std::size_t way = contest.way();
    for (std::int64_t left = contest.turn_steps(); left > 0;) {
      ASSERT_EQ(contest.way(), way);
      const std::int64_t steps = std::min(left, contest.steps());
      left -= steps;
      contest.took(steps, s * static_cast<double>(steps) / static_cast<double>(contest.turn_steps()));
    }
  }
}

// The better one of two turns counts, and short ones do not.
TEST(ContestTest, CountsTheBetterTurn) {
  Contest contest;
  contest.start(3);
  const std::int64_t few = contest.turn_steps();
  take_turns(contest, {1e-6});  // too short a time to tell
  EXPECT_EQ(contest.way(), 0U);
  EXPECT_GT(contest.turn_steps(), few);
  take_turns(contest, {4e-3, 3.5e-3, 2.9e-3, 3e-3, 2e-3, 2.95e-3});
  EXPECT_TRUE(contest.decided());
  EXPECT_EQ(contest.winner(1), 1U);    // 3, 2 and 2.9
  EXPECT_EQ(contest.winner(0.6), 0U);  // not by enough
  contest.start(2);
  EXPECT_FALSE(contest.decided());
  EXPECT_EQ(contest.way(), 0U);
}

TEST(ContestTest, GivesUpWhatTakesFarLonger) {
  Contest contest;
  contest.start(3);
  take_turns(contest, {1e-3});
  EXPECT_EQ(contest.way(), 1U);
  contest.took(contest.steps(), 1e-3);  // a quarter of a turn
  EXPECT_EQ(contest.way(), 2U);
  take_turns(contest, {0.9e-3, 1e-3});
  EXPECT_EQ(contest.way(), 2U) << "way 1 has no second turn";
  take_turns(contest, {0.8e-3});
  EXPECT_TRUE(contest.decided());
  EXPECT_EQ(contest.winner(1), 2U);
}

TEST_F(OrderChoiceTest, TriesWhatElseMayBeQuicker) {
  make(Order::automatic);
  measured(Length::brief);
  // one contest from `step` on, in which all orders take 5 ms for a quarter of a turn but this one 0.2
  const auto contest = [&](std::int64_t step, Order quick) {
    std::set<Order> seen;
    auto segment = choice_->first(step);
    const std::int64_t quarter = segment.until - step;
    for (; segment.until - step <= quarter; segment = choice_->next(step)) {
      step = segment.until;
      seen.insert(segment.order);
      std::this_thread::sleep_for(std::chrono::microseconds(segment.order == quick ? 200 : 5000));
    }
    EXPECT_EQ(seen, (std::set<Order>{Order::free, Order::fixed, Order::single}));
    return segment;
  };
  EXPECT_EQ(contest(100000, Order::single).order, Order::fixed) << "once is not enough";
  const auto segment = contest(102000, Order::single);
  EXPECT_EQ(segment.order, Order::single);
  EXPECT_EQ(choice_->first(segment.until - 1).order, Order::single) << "also in the next run";
  EXPECT_EQ(contest(200000, Order::fixed).order, Order::fixed) << "cores and neighbours change";
  measured(Length::a_while);
  EXPECT_EQ(choice_->first(200200).order, Order::fixed) << "as was measured, if not the likeliest now";
}

TEST_F(OrderChoiceTest, NobodyElseRunsTasksWithoutStealing) {
  make(Order::automatic, false);
  measured(Length::brief);
  auto segment = choice_->first(100000);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(segment.order, Order::fixed);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    segment = choice_->next(segment.until);
  }
}

TEST_F(OrderChoiceTest, DoesAsItIsTold) {
  make(Order::fixed);
  EXPECT_EQ(choice_->first(0).order, Order::fixed);
  EXPECT_EQ(choice_->first(0).until, forever);
  make(Order::free);
  measured(Length::brief);
  EXPECT_EQ(choice_->first(100000).order, Order::free);
  EXPECT_EQ(choice_->first(100000).until, forever);
}

}  // namespace
}  // namespace tutti::test
