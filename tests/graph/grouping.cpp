// When tasks are put into groups, and when they are taken out again.
#include "runtime/exec/grouping.hpp"

#include <gtest/gtest.h>

#include "tests/graph/simulator.hpp"

namespace tutti::test {
namespace {

struct Copy {
  void operator()(In<double> from, Out<double> to) const { to(0, 0, 0) = from(0, 0, 0); }
};

class GroupingOfTasks : public ::testing::Test {
 protected:
  GroupingOfTasks() {
    Recorder r("copies");
    r.each(grid_, make_kernel("copy", Copy{}), read(from_), write(to_));
    std::vector<Record> records;
    records.push_back({"copies", {r.take()}});
    simulator_ = std::make_unique<Simulator>(std::move(records), std::vector<RankContext>{context_}, 1);
    gate_ = std::make_unique<StepGate>(plan());
    gate_->start(0, 1000);
    grouping_ = std::make_unique<Grouping>(plan(), *gate_);
    all_alone_ = grouping_->regroup().size();
    grouping_->start(0, 0);
  }
  const Plan& plan() const { return simulator_->plan(0); }

  RankContext context_{RankId{0}, 1, 2, nullptr};
  Grid grid_{context_, {32}, GridOptions{{1}, Boundary::fixed(0), 0}};
  Field<double> from_{grid_, "from"}, to_{grid_, "to"};
  std::unique_ptr<Simulator> simulator_;
  std::unique_ptr<StepGate> gate_;
  std::unique_ptr<Grouping> grouping_;
  std::uint32_t all_alone_ = 0;
};

TEST_F(GroupingOfTasks, LongTasksStayAlone) {
  for (std::uint32_t i = 0; i < all_alone_; ++i) grouping_->count(0, 1, Length::unknown, Length::a_while);
  EXPECT_FALSE(grouping_->wants_change());
  EXPECT_GT(grouping_->open(2), 2);  // where the first stretch might have ended
  EXPECT_FALSE(grouping_->has_ended());
  EXPECT_EQ(grouping_->limit(), 1000);
}

TEST_F(GroupingOfTasks, TinyTasksEndTheStretchAndAreGrouped) {
  EXPECT_EQ(all_alone_, 32U);
  EXPECT_EQ(grouping_->open(0), 2);
  for (std::uint32_t i = 0; i < 20; ++i) grouping_->count(0, 1, Length::unknown, Length::tiny);
  ASSERT_TRUE(grouping_->wants_change());
  EXPECT_EQ(grouping_->open(1), 2);
  EXPECT_FALSE(grouping_->has_ended());
  EXPECT_EQ(grouping_->open(2), 2);
  EXPECT_TRUE(grouping_->has_ended());
  EXPECT_EQ(grouping_->limit(), 2);
  EXPECT_EQ(grouping_->open(2), 2);
  EXPECT_EQ(grouping_->regroup().size(), 8U);  // four for each worker
  EXPECT_FALSE(grouping_->wants_change());
}

TEST_F(GroupingOfTasks, GroupsThatTakeLongAreDissolved) {
  for (std::uint32_t i = 0; i < 32; ++i) grouping_->count(0, 1, Length::unknown, Length::tiny);
  grouping_->regroup();
  grouping_->start(2, 1);
  for (int i = 0; i < 8; ++i) grouping_->count(0, 4, Length::unknown, Length::tiny);
  EXPECT_FALSE(grouping_->wants_change());
  EXPECT_EQ(grouping_->open(2), 10);  // later than the first time
  for (int i = 0; i < 4; ++i) grouping_->count(0, 1, Length::unknown, Length::brief);  // not in a group
  EXPECT_FALSE(grouping_->wants_change());
  for (int i = 0; i < 4; ++i) grouping_->count(0, 4, Length::tiny, Length::brief);
  EXPECT_FALSE(grouping_->wants_change());
  grouping_->count(0, 4, Length::tiny, Length::a_while);
  EXPECT_TRUE(grouping_->wants_change());
  EXPECT_EQ(grouping_->regroup().size(), all_alone_);
}

TEST_F(GroupingOfTasks, AnEndedRunIsNotExtended) {
  gate_->start(0, 2);
  EXPECT_EQ(grouping_->open(2), 2);
  EXPECT_FALSE(grouping_->has_ended());
  EXPECT_EQ(grouping_->limit(), 2);
}

}  // namespace
}  // namespace tutti::test
