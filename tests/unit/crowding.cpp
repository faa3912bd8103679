#include "runtime/insight/crowding.hpp"

#include <gtest/gtest.h>

using namespace tutti;

TEST(Crowding, NoneWhereEveryWorkerCanHaveAProcessor) {
  EXPECT_EQ(find_crowding({{"a", "0"}, {"a", "1"}, {"b", "0"}}).workers, 0U);
  EXPECT_EQ(find_crowding({{"a", "0-3"}, {"a", "0-3"}, {"a", "0-3"}, {"a", "0-3"}}).workers, 0U);
  EXPECT_EQ(find_crowding({}).workers, 0U);
  EXPECT_EQ(find_crowding({{"a", ""}, {"a", ""}}).workers, 0U) << "the system did not tell";
}

TEST(Crowding, RanksOnOneCore) {
  const Crowding c = find_crowding({{"a", "2"}, {"a", "2"}, {"a", "2"}});
  EXPECT_EQ(c.host, "a");
  EXPECT_EQ(c.processors, "2");
  EXPECT_EQ(c.workers, 3U);
  EXPECT_EQ(c.capacity, 1U);
}

TEST(Crowding, FewerProcessorsThanWorkers) {
  const Crowding c = find_crowding({{"a", "0"}, {"b", "0-1,4"}, {"b", "0-1,4"}, {"b", "0-1,4"}, {"b", "4"}});
  EXPECT_EQ(c.host, "b");
  EXPECT_EQ(c.workers, 4U);
  EXPECT_EQ(c.capacity, 3U);
}

TEST(Crowding, TwoBoundToOneCoreBesideAFreeOne) {
  const Crowding c = find_crowding({{"a", "0"}, {"a", "0"}, {"a", "1"}});
  EXPECT_EQ(c.processors, "0");
  EXPECT_EQ(c.workers, 2U);
}
