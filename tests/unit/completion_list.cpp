#include "runtime/exec/completion_list.hpp"

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tutti {
namespace {

TEST(CompletionList, HandsOutWhatWasPushed) {
  CompletionList list(10);
  EXPECT_TRUE(list.empty());
  std::set<std::uint32_t> taken;
  const auto keep = [&](std::uint32_t node) { EXPECT_TRUE(taken.insert(node).second); };
  EXPECT_EQ(list.take_all(keep), 0U);
  for (const std::uint32_t node : {3U, 0U, 9U}) list.push(node);
  EXPECT_FALSE(list.empty());
  EXPECT_EQ(list.take_all(keep), 3U);
  EXPECT_EQ(taken, (std::set<std::uint32_t>{0, 3, 9}));
  EXPECT_TRUE(list.empty());
}

TEST(CompletionList, ANodeMayComeBackFromInsideItsOwnHandling) {
  CompletionList list(4);
  list.push(0);
  list.push(1);
  int handled = 0;
  const auto again = [&](std::uint32_t node) {
    if (++handled < 10) list.push(node);
  };
  while (list.take_all(again) > 0) {
  }
  EXPECT_EQ(handled, 11);
}

/// Each producer pushes its own nodes over and over; a node is free again when the consumer has counted it.
TEST(CompletionList, TakesFromManyProducers) {
  constexpr std::uint32_t producers = 3;
  constexpr std::uint32_t nodes_each = 16;
  constexpr std::uint32_t rounds = 3000;
  constexpr std::uint32_t nodes = producers * nodes_each;
  CompletionList list(nodes);
  std::vector<std::uint32_t> payload(nodes);  // plain data, handed over by the list
  std::vector<std::atomic<std::uint32_t>> counted(nodes);
  std::vector<std::thread> team;
  for (std::uint32_t p = 0; p < producers; ++p) {
    team.emplace_back([&, p] {
      for (std::uint32_t round = 0; round < rounds; ++round) {
        for (std::uint32_t node = p; node < nodes; node += producers) {
          while (counted[node].load(std::memory_order_acquire) < round) std::this_thread::yield();
          ++payload[node];
          list.push(node);
        }
      }
    });
  }
  for (std::uint32_t total = 0; total < nodes * rounds;) {
    const std::uint32_t count = list.take_all([&](std::uint32_t node) {
      const std::uint32_t before = counted[node].load(std::memory_order_relaxed);
      ASSERT_EQ(payload[node], before + 1);
      counted[node].store(before + 1, std::memory_order_release);
    });
    if (count == 0) std::this_thread::yield();
    total += count;
  }
  for (std::thread& thread : team) thread.join();
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace tutti
