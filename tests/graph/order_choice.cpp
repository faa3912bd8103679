// When the tasks schedule replays in fixed or single order, and when in free order.
#include "runtime/exec/order_choice.hpp"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <set>

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
  const auto next = choice_->next(first.until, 1e-3);
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
  EXPECT_EQ(choice_->next(100000, 0).until, forever);
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
  EXPECT_EQ(choice_->next(100001, 1e-6).order, Order::free);
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

TEST_F(OrderChoiceTest, FindsOutWhoIsOverloaded) {
  for (const Order order : {Order::automatic, Order::free}) {
    make(order);
    measured(Length::a_while);
    choice_->first(100000);
    EXPECT_FALSE(team_->uneven);
    EXPECT_EQ(team_->overloaded, (std::vector<unsigned char>{0, 0}));
    make(order);
    measured(Length::a_while, 5e-6);
    choice_->first(100000);
    EXPECT_TRUE(team_->uneven);
    EXPECT_EQ(team_->overloaded, (std::vector<unsigned char>{1, 0}));
  }
}

TEST_F(OrderChoiceTest, FreeWithMoreWorkersThanCores) {
  make(Order::automatic, true, true);
  measured(Length::brief);
  EXPECT_EQ(choice_->first(100000).order, Order::free);
}

/// Whole turns in which each step takes so many seconds. Returns how many steps the last one had.
std::int64_t take_turns(Contest& contest, std::initializer_list<double> turns) {
  std::int64_t steps = 0;
  for (const double step_s : turns) {
    EXPECT_FALSE(contest.decided());
    steps = 0;
    do {
      const std::int64_t part = contest.steps();
      contest.took(part, step_s * static_cast<double>(part));
      steps += part;
    } while (contest.is_within_turn());
  }
  return steps;
}

// The better one of two turns counts, whatever happened in the other.
TEST(ContestTest, CountsTheBetterTurn) {
  Contest contest;
  contest.start(3);
  take_turns(contest, {4e-6, 3.5e-6, 2.9e-6, 3e-6, 2e-6, 2.95e-6});
  EXPECT_TRUE(contest.decided());
  EXPECT_EQ(contest.winner(1), 1U);    // 3, 2 and 2.9
  EXPECT_EQ(contest.winner(0.6), 0U);  // not by enough
  EXPECT_EQ(contest.step_s(2), 2.9e-6);
  contest.start(2);
  EXPECT_FALSE(contest.decided());
  EXPECT_EQ(contest.way(), 0U);
}

TEST(ContestTest, TurnsLastLongEnough) {
  for (const double step_s : {1e-9, 0.3e-6, 5e-6, 1e-3}) {
    Contest contest;
    contest.start(2);
    const std::int64_t steps = take_turns(contest, {step_s});
    EXPECT_EQ(contest.way(), 1U);
    EXPECT_GE(steps, 32) << step_s;
    EXPECT_GE(static_cast<double>(steps) * step_s, 0.999 * Turn::shortest_s) << step_s;
    EXPECT_LE(static_cast<double>(steps) * step_s, std::max(1.1 * Turn::shortest_s, 32 * step_s)) << step_s;
  }
}

TEST(ContestTest, GivesUpWhatTakesFarLonger) {
  Contest contest;
  contest.start(3);
  take_turns(contest, {3e-6});
  EXPECT_EQ(contest.way(), 1U);
  contest.took(8, 80e-6);  // a few steps, but enough to tell
  EXPECT_EQ(contest.way(), 2U);
  take_turns(contest, {2.7e-6, 3e-6});
  EXPECT_EQ(contest.way(), 2U) << "way 1 has no second turn";
  take_turns(contest, {2.4e-6});
  EXPECT_TRUE(contest.decided());
  EXPECT_EQ(contest.winner(1), 2U);
}

TEST_F(OrderChoiceTest, TriesWhatElseMayBeQuicker) {
  make(Order::automatic);
  measured(Length::brief);
  std::int64_t step = 100000;
  auto segment = choice_->first(step);
  const auto is_contest = [&] { return segment.until - step <= 32; };
  const auto steps_take = [&](double us) {
    const auto steps = static_cast<double>(segment.until - step);
    step = segment.until;
    segment = choice_->next(step, steps * us * 1e-6);
  };
  const auto contest_won_by = [&](Order quick) {
    std::set<Order> seen;
    ASSERT_TRUE(is_contest());
    while (is_contest()) {
      seen.insert(segment.order);
      steps_take(segment.order == quick ? 8 : 50);
    }
    EXPECT_EQ(seen, (std::set<Order>{Order::free, Order::fixed, Order::single}));
  };
  contest_won_by(Order::single);
  EXPECT_EQ(segment.order, Order::fixed) << "once is not enough";
  steps_take(50);
  contest_won_by(Order::single);
  EXPECT_EQ(segment.order, Order::single);
  segment = choice_->first(step + 1);
  EXPECT_EQ(segment.order, Order::single) << "also in the next run";
  steps_take(50);
  contest_won_by(Order::fixed);
  EXPECT_EQ(segment.order, Order::fixed) << "cores and neighbours change";
  measured(Length::a_while);
  segment = choice_->first(step + 1);
  EXPECT_EQ(segment.order, Order::fixed) << "as was measured, if not the likeliest now";
}

TEST_F(OrderChoiceTest, StepsAreShortUntilTheyAreClearlyLonger) {
  const auto is_contest = [](OrderChoice::Segment s) { return s.until == 100001; };
  make(Order::automatic);
  measured(Length::brief, 60e-6);  // each of two nodes
  EXPECT_FALSE(is_contest(choice_->first(100000)));
  make(Order::automatic);
  measured(Length::brief, 45e-6);
  EXPECT_TRUE(is_contest(choice_->first(100000)));
  measured(Length::brief, 60e-6);
  EXPECT_TRUE(is_contest(choice_->first(100000)));
  measured(Length::brief, 90e-6);
  EXPECT_FALSE(is_contest(choice_->first(100000)));
}

TEST_F(OrderChoiceTest, NobodyElseRunsTasksWithoutStealing) {
  make(Order::automatic, false);
  measured(Length::brief);
  auto segment = choice_->first(100000);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(segment.order, Order::fixed);
    segment = choice_->next(segment.until, 1e-3);
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
