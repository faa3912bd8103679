#include "runtime/insight/crowding.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

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

TEST(Crowding, CountsHostsAndRanks) {
  const Crowding c =
      find_crowding({{"a", "0", "", 0}, {"a", "0", "", 1}, {"b", "0", "", 2}, {"b", "0", "", 2}});
  EXPECT_EQ(c.hosts, 2U);
  EXPECT_EQ(c.ranks, 2U);
}

TEST(Pinning, SaysNothingWhereAllIsWell) {
  EXPECT_TRUE(pinning_warnings({{"a", "0", "0", 0}, {"a", "1", "1", 1}}).empty());
  EXPECT_TRUE(pinning_warnings({{"a", "0-1", "0-1", 0}, {"a", "0-1", "0-1", 0}}).empty());
  EXPECT_TRUE(pinning_warnings({{"a", "", "", 0}, {"a", "", "", 0}}).empty()) << "the system did not tell";
}

TEST(Pinning, NamesEachKind) {
  using Sentences = std::vector<std::string>;
  EXPECT_EQ(pinning_warnings({{"a", "3", "3", 0}, {"a", "3", "3", 1}}),
            Sentences{"2 ranks sit on one core: their 2 workers may run on processor 3 of a only"});
  EXPECT_EQ(
      pinning_warnings({{"a", "3", "3", 0}, {"a", "3", "3", 0}, {"b", "0", "0", 1}, {"b", "0", "0", 1}}),
      Sentences{"2 workers share one core: they may run on processor 3 of a (2 hosts are like this) only"});
  EXPECT_EQ(pinning_warnings({{"a", "0-1", "0-1", 0}, {"a", "0-1", "0-1", 1}, {"a", "0-1", "0-1", 2}}),
            Sentences{"fewer processors than workers: 3 workers share 2 processors (number 0,1) of a"});
  EXPECT_EQ(pinning_warnings({{"a", "0", "0", 0}, {"a", "64", "0", 0}, {"a", "1", "1", 0}}),
            Sentences{"workers share cores: 2 workers have the hardware threads of 1 core (number 0) of a"});
}

TEST(Pinning, ReadsWhatProvenanceRecords) {
  const auto affinity = nlohmann::json::parse(
      R"([{"host": "a", "workers": ["0", "1"], "cores": ["0", "0"], "objects": ["", ""]},
          {"host": "b", "workers": ["0-1"], "cores": ["0"], "objects": [""]}])");
  const std::vector<WorkerPlace> places = worker_places(affinity);
  ASSERT_EQ(places.size(), 3U);
  EXPECT_EQ(places[1].processors, "1");
  EXPECT_EQ(places[1].cores, "0");
  EXPECT_EQ(places[2].host, "b");
  EXPECT_EQ(places[2].rank, 1U);
  EXPECT_EQ(pinning_warnings(places).size(), 1U) << "two hardware threads of one core";
}
