#include "runtime/exec/ready_queue.hpp"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tutti {
namespace {

TEST(ReadyQueue, GivesTheOldestFirst) {
  ReadyQueue queue(4);
  std::uint32_t node = 0;
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.take(node));
  for (const std::uint32_t n : {10U, 11U, 12U, 13U}) queue.push(n);
  for (const std::uint32_t expected : {10U, 11U, 12U, 13U}) {
    EXPECT_FALSE(queue.empty());
    ASSERT_TRUE(queue.take(node));
    EXPECT_EQ(node, expected);
  }
  EXPECT_FALSE(queue.take(node));
  EXPECT_TRUE(queue.empty());
}

TEST(ReadyQueue, IsUsedManyTimesOver) {
  ReadyQueue queue(2);
  std::uint32_t node = 0;
  for (std::uint32_t n = 0; n < 1000; ++n) {
    queue.push(n);
    ASSERT_TRUE(queue.take(node));
    ASSERT_EQ(node, n);
  }
}

/// Every node is taken exactly once per round, whoever takes it, and what was written before it was pushed is
/// visible to whoever has it.
void share(std::uint32_t nodes, std::uint32_t burst, int thieves) {
  ReadyQueue queue(nodes);
  std::vector<std::uint32_t> payload(nodes);  // plain data: published by the queue alone
  std::vector<std::uint32_t> taken(nodes);
  std::atomic<std::uint32_t> left{0};
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> stolen{0};
  const auto take = [&](std::uint32_t node) {
    ASSERT_EQ(payload[node], ++taken[node]);
    left.fetch_sub(1, std::memory_order_release);
  };
  std::vector<std::thread> team;
  for (int t = 0; t < thieves; ++t) {
    team.emplace_back([&] {
      std::uint32_t first = 0;
      std::uint32_t second = 0;
      while (!stop.load(std::memory_order_relaxed)) {
        if (!queue.take(first)) continue;
        const bool two = queue.take(second);  // at once: the owner may not have noticed the first yet
        take(first);
        if (two) take(second);
        ++stolen;
      }
    });
  }
  std::uint32_t round = 0;
  const auto begin = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::steady_clock::now() - begin; };
  // on a busy machine a thief may not get a turn for a while
  while (elapsed() < std::chrono::milliseconds(300) ||
         (stolen.load() == 0 && elapsed() < std::chrono::seconds(20))) {
    ++round;
    left.store(nodes, std::memory_order_relaxed);
    std::uint32_t node = 0;
    for (std::uint32_t n = 0; n < nodes; ++n) {
      payload[n] = round;
      queue.push(n);
      if (n % burst == burst - 1) {
        while (queue.take(node)) take(node);
      }
    }
    while (queue.take(node)) take(node);
    while (left.load(std::memory_order_acquire) > 0) std::this_thread::yield();
  }
  stop = true;
  for (std::thread& thread : team) thread.join();
  for (std::uint32_t n = 0; n < nodes; ++n) EXPECT_EQ(taken[n], round);
  EXPECT_GT(stolen.load(), 0U);
}

TEST(ReadyQueue, OwnerAndThievesShareWhatIsPushed) { share(1024, 100, 2); }

TEST(ReadyQueue, TheLastEntryGoesToOneOfThem) { share(1024, 1, 1); }

TEST(ReadyQueue, TheLastEntriesGoToOneOfThemEach) {
  share(1024, 2, 1);
  share(1024, 3, 2);
}

}  // namespace
}  // namespace tutti
