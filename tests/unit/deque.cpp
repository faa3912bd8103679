#include "runtime/exec/deque.hpp"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tutti {
namespace {

TEST(Deque, OwnerTakesTheNewestThiefTheOldest) {
  Deque deque(4);
  std::uint32_t node = 0;
  EXPECT_TRUE(deque.empty());
  EXPECT_FALSE(deque.pop(node));
  EXPECT_FALSE(deque.steal(node));
  for (const std::uint32_t n : {10U, 11U, 12U, 13U}) deque.push(n);
  EXPECT_TRUE(deque.pop(node));
  EXPECT_EQ(node, 13U);
  EXPECT_TRUE(deque.steal(node));
  EXPECT_EQ(node, 10U);
  deque.push(14);
  deque.push(15);
  for (const std::uint32_t expected : {15U, 14U, 12U, 11U}) {
    EXPECT_FALSE(deque.empty());
    ASSERT_TRUE(deque.pop(node));
    EXPECT_EQ(node, expected);
  }
  EXPECT_FALSE(deque.pop(node));
  EXPECT_TRUE(deque.empty());
}

TEST(Deque, IsUsedManyTimesOver) {
  Deque deque(2);
  std::uint32_t node = 0;
  for (std::uint32_t n = 0; n < 1000; ++n) {
    deque.push(n);
    ASSERT_TRUE(n % 3 == 0 ? deque.steal(node) : deque.pop(node));
    ASSERT_EQ(node, n);
  }
}

/// Every node is taken exactly once per round, whoever takes it, and what was written before it was pushed is
/// visible to whoever has it.
void share(std::uint32_t nodes, std::uint32_t burst, int thieves) {
  Deque deque(nodes);
  std::vector<std::uint32_t> payload(nodes);  // plain data: published by the deque alone
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
        if (!deque.steal(first)) continue;
        const bool two = deque.steal(second);  // at once: the owner may not have noticed the first yet
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
      deque.push(n);
      if (n % burst == burst - 1) {
        while (deque.pop(node)) take(node);
      }
    }
    while (deque.pop(node)) take(node);
    while (left.load(std::memory_order_acquire) > 0) std::this_thread::yield();
  }
  stop = true;
  for (std::thread& thread : team) thread.join();
  for (std::uint32_t n = 0; n < nodes; ++n) EXPECT_EQ(taken[n], round);
  EXPECT_GT(stolen.load(), 0U);
}

TEST(Deque, OwnerAndThievesShareWhatIsPushed) { share(1024, 100, 2); }

TEST(Deque, TheLastEntryGoesToOneOfThem) { share(1024, 1, 1); }

TEST(Deque, TheLastEntriesGoToOneOfThemEach) {  // the case that needs the fences
  share(1024, 2, 1);
  share(1024, 3, 2);
}

}  // namespace
}  // namespace tutti
