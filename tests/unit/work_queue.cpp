#include "runtime/exec/work_queue.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/exec/home_role.hpp"

namespace tutti {
namespace {

TEST(WorkQueue, WhatWasNotSharedIsPrivate) {
  WorkQueue queue(3);
  std::uint32_t node = 0;
  EXPECT_FALSE(queue.take(node));
  queue.push(7, 0);
  queue.push(8, 0);
  EXPECT_EQ(queue.private_count(), 2U);
  EXPECT_FALSE(queue.shows_work());
  EXPECT_FALSE(queue.steal(node));
  queue.share(1);
  EXPECT_EQ(queue.private_count(), 1U);
  ASSERT_TRUE(queue.steal(node));
  EXPECT_EQ(node, 7U) << "the oldest";
  EXPECT_FALSE(queue.steal(node));
  ASSERT_TRUE(queue.take(node));
  EXPECT_EQ(node, 8U);
  EXPECT_FALSE(queue.take(node));
}

TEST(WorkQueue, SharedNodesAreTheOldest) {
  WorkQueue queue(8);
  std::uint32_t node = 0;
  for (const std::uint32_t n : {1U, 2U, 3U}) queue.push(n, 0);
  queue.share(2);
  queue.push(4, 0);
  for (const std::uint32_t expected : {1U, 2U, 3U, 4U}) {
    ASSERT_TRUE(queue.take(node));
    EXPECT_EQ(node, expected);
  }
  EXPECT_FALSE(queue.take(node));
}

TEST(WorkQueue, TheEarliestStepComesFirstThenTheOrderOfTheProgram) {
  WorkQueue queue(8);
  queue.push(5, 1);
  queue.push(2, 2);
  queue.push(6, 1);
  queue.push(3, 1);
  queue.push(1, 2);
  queue.push(4, 0);
  std::uint32_t node = 0;
  for (const std::uint32_t expected : {4U, 3U}) {
    ASSERT_TRUE(queue.take(node));
    EXPECT_EQ(node, expected);
  }
  queue.share(3);
  queue.push(0, 1);  // younger than what is shared, as far as the queue knows
  for (const std::uint32_t expected : {5U, 6U, 1U, 0U, 2U}) {
    ASSERT_TRUE(queue.take(node));
    EXPECT_EQ(node, expected);
  }
  EXPECT_FALSE(queue.take(node));
}

TEST(WorkQueue, OnlyWhatTakesLongerIsStolenByWhoWantsThat) {
  WorkQueue queue(8);
  std::uint32_t node = 0;
  EXPECT_FALSE(queue.steal(node, {0})) << "there is nothing";
  queue.push(1, 0, 200);
  queue.push(2, 0, 100);
  queue.push(3, 1, 300);
  queue.share(3);
  EXPECT_FALSE(queue.steal(node, {200}));
  ASSERT_TRUE(queue.steal(node, {199}));
  EXPECT_EQ(node, 1U);
  EXPECT_FALSE(queue.steal(node, {199})) << "the first one does not";
  ASSERT_TRUE(queue.take(node));
  EXPECT_EQ(node, 2U);
  EXPECT_FALSE(queue.steal(node, {299, 0})) << "of a later step";
  ASSERT_TRUE(queue.steal(node, {299, 1}));
  EXPECT_EQ(node, 3U);
  queue.push(4, 0);
  queue.share(1);
  EXPECT_TRUE(queue.shows_work());
  EXPECT_FALSE(queue.steal(node, {0})) << "nobody knows how long it takes";
  EXPECT_TRUE(queue.steal(node));
}

TEST(WorkQueue, WhatIsPutBackComesFirst) {
  WorkQueue queue(4);
  std::uint32_t node = 0;
  for (const std::uint32_t n : {0U, 1U, 2U, 3U}) queue.push(n, 5);
  for (const std::uint32_t shared : {0U, 2U}) {
    queue.share(shared);
    ASSERT_TRUE(queue.take(node));
    EXPECT_EQ(node, 0U);
    queue.put_back(node, 5, 100);
  }
  ASSERT_TRUE(queue.steal(node, {99}));
  EXPECT_EQ(node, 0U);
  for (const std::uint32_t expected : {1U, 2U, 3U}) {
    ASSERT_TRUE(queue.take(node));
    EXPECT_EQ(node, expected);
  }
  EXPECT_FALSE(queue.take(node));
}

TEST(WorkQueue, NodesFarOutOfOrderAreNotLost) {
  constexpr std::uint32_t nodes = 100;
  WorkQueue queue(nodes);
  std::vector<bool> seen(nodes, false);
  std::uint32_t node = 0;
  for (int round = 0; round < 3; ++round) {  // round the ring's end
    for (std::uint32_t n = nodes; n-- > 0;) queue.push(n, 0);
    seen.assign(nodes, false);
    while (queue.take(node)) {
      EXPECT_FALSE(seen[node]);
      seen[node] = true;
    }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), true), nodes);
  }
}

TEST(WorkQueue, EveryNodeIsTakenOnceWhoeverTakesIt) {
  constexpr std::uint32_t nodes = 64;
  constexpr int rounds = 2000;
  WorkQueue queue(nodes);
  std::atomic<std::uint32_t> taken{0};
  std::atomic<std::uint64_t> sum{0};
  std::atomic<bool> ending{false};
  const auto count = [&](std::uint32_t node) {
    sum.fetch_add(node);
    taken.fetch_add(1);
  };
  std::thread thief([&] {
    std::uint32_t node = 0;
    while (!ending.load())
      if (queue.steal(node)) count(node);
  });
  for (int round = 0; round < rounds; ++round) {
    for (std::uint32_t n = 0; n < nodes; ++n) {
      queue.push(n, 0);
      if (n % 5 == 0) queue.share(queue.private_count());
    }
    std::uint32_t node = 0;
    while (queue.take(node)) count(node);
    while (taken.load() != nodes) std::this_thread::yield();  // the thief has the rest
    ASSERT_EQ(sum.exchange(0), nodes * (nodes - 1) / 2);
    taken.store(0);
  }
  ending.store(true);
  thief.join();
}

TEST(HomeRole, OneHolderAtATime) {
  HomeRole role;
  EXPECT_FALSE(role.is_away());
  EXPECT_FALSE(role.stand_in()) << "its worker has it";
  role.leave();
  EXPECT_TRUE(role.stand_in());
  EXPECT_FALSE(role.stand_in()) << "somebody stands in already";
  role.give_back();
  role.come_back();
  EXPECT_FALSE(role.stand_in());
}

TEST(HomeRole, WhatOneHolderWroteTheNextSees) {
  HomeRole role;
  std::uint64_t plain = 0;  // touched by the holder only
  std::atomic<bool> ending{false};
  std::uint64_t stood_in = 0;
  std::thread other([&] {
    while (!ending.load()) {
      if (!role.stand_in()) continue;
      ++plain;
      ++stood_in;
      role.give_back();
    }
  });
  constexpr std::uint64_t rounds = 20000;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    role.leave();
    if (i % 64 == 0) std::this_thread::yield();
    role.come_back();
    ++plain;
  }
  ending.store(true);
  other.join();
  EXPECT_EQ(plain, rounds + stood_in);
}

}  // namespace
}  // namespace tutti
