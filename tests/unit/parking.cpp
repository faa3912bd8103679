#include "runtime/exec/parking.hpp"

#include <atomic>
#include <chrono>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tutti {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
constexpr auto never = std::chrono::seconds(20);  // a wake-up that is lost shows as a very long test

class ParkingTest : public testing::TestWithParam<Parking::Fence> {};

TEST_P(ParkingTest, DoesNotSleepWhenThereIsWork) {
  Parking parking(2, GetParam());
  const auto begin = Clock::now();
  EXPECT_TRUE(parking.park(WorkerId(1), never, [] { return true; }));
  EXPECT_LT(Clock::now() - begin, never / 2);
  EXPECT_EQ(parking.parked(), 0U);
  EXPECT_FALSE(parking.wake(WorkerId(1)));  // the flag is down again
}

TEST_P(ParkingTest, SleepsUntilTheTimeIsOver) {
  Parking parking(1, GetParam());
  const auto begin = Clock::now();
  while (parking.park(WorkerId(0), milliseconds(20), [] { return false; })) {
  }
  EXPECT_GE(Clock::now() - begin, milliseconds(19));
}

TEST_P(ParkingTest, WakesNobodyWhoIsAwake) {
  Parking parking(3, GetParam());
  EXPECT_FALSE(parking.wake(WorkerId(2)));
  EXPECT_FALSE(parking.wake_one_idle(WorkerId(0)));
  parking.wake_all();
}

TEST_P(ParkingTest, AFailingRecheckLowersTheFlag) {
  Parking parking(1, GetParam());
  EXPECT_THROW(parking.park(WorkerId(0), never, []() -> bool { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_EQ(parking.parked(), 0U);
  EXPECT_FALSE(parking.wake(WorkerId(0)));
}

/// The contract itself, many times at the same moment: the parker sees the work or the producer the parker.
TEST_P(ParkingTest, OneOfThemSeesTheOther) {
  struct alignas(64) Word {
    std::atomic<std::uint32_t> value{0};
  };
  Parking parking(1, GetParam());
  Word round, work, produced, parked;
  std::atomic<bool> stop{false};
  std::uint32_t unseen = 0;
  std::thread parker([&] {
    for (std::uint32_t turn = 1;; ++turn) {
      while (round.value.load() < turn) {
        if (stop.load()) return;
      }
      bool seen = false;
      parking.park(WorkerId(0), never, [&] {
        seen = work.value.load(std::memory_order_acquire) == turn;
        while (produced.value.load() < turn) cpu_relax();  // with the flag up
        return true;
      });
      parked.value.store(2 * turn + (seen ? 1 : 0));
    }
  });
  std::minstd_rand random(1);
  const auto limit = Clock::now() + milliseconds(300);
  for (std::uint32_t turn = 1; Clock::now() < limit; ++turn) {
    round.value.store(turn);
    for (auto spin = random() % 32; spin > 0; --spin) cpu_relax();
    work.value.store(turn, std::memory_order_release);
    const bool found = parking.wake(WorkerId(0));
    produced.value.store(turn);
    while (parked.value.load() < 2 * turn) cpu_relax();
    if (!found && parked.value.load() == 2 * turn) ++unseen;
  }
  stop = true;
  parker.join();
  EXPECT_EQ(unseen, 0U);
}

/// Two threads hand one token back and forth and park whenever it is not theirs: one lost wake-up ends it.
TEST_P(ParkingTest, NoWakeUpIsLost) {
  const auto limit = Clock::now() + milliseconds(300);
  Parking parking(2, GetParam());
  constexpr std::uint32_t over = 0xFFFFFFFF;
  alignas(64) std::atomic<std::uint32_t> token{0};  // belongs to the worker of its parity
  std::atomic<std::uint32_t> timeouts{0};
  const auto play = [&](std::uint32_t me) {
    std::minstd_rand random(me + 1);
    for (std::uint32_t turn = me; token.load() != over; turn += 2) {
      const auto mine = [&] { return token.load(std::memory_order_acquire) >= turn; };
      for (auto spin = random() % 64; spin > 0 && !mine(); --spin) cpu_relax();  // meet at any moment
      while (!mine()) timeouts += parking.park(WorkerId(me), never, mine) ? 0 : 1;
      token.store(Clock::now() < limit ? turn + 1 : over, std::memory_order_release);
      parking.wake(WorkerId(1 - me));
    }
  };
  std::thread other(play, 1);
  play(0);
  other.join();
  EXPECT_EQ(timeouts.load(), 0U);
}

/// A producer hands out items one by one; consumers park when there are none.
TEST_P(ParkingTest, EachItemWakesSomebody) {
  constexpr std::uint32_t items = 3000;
  constexpr std::uint32_t consumers = 3;
  Parking parking(consumers, GetParam());
  std::atomic<std::uint32_t> available{0};
  std::atomic<std::uint32_t> consumed{0};
  std::atomic<std::uint32_t> timeouts{0};
  std::atomic<bool> stop{false};
  const auto take = [&] {
    std::uint32_t seen = available.load(std::memory_order_acquire);
    while (seen > 0 && !available.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel)) {
    }
    return seen > 0;
  };
  std::vector<std::thread> team;
  for (std::uint32_t c = 0; c < consumers; ++c) {
    team.emplace_back([&, c] {
      while (!stop.load(std::memory_order_acquire)) {
        if (take()) {
          consumed.fetch_add(1, std::memory_order_release);
        } else if (!parking.park(WorkerId(c), never, [&] { return available.load() > 0 || stop.load(); })) {
          ++timeouts;
        }
      }
    });
  }
  for (std::uint32_t item = 0; item < items; ++item) {
    available.fetch_add(1, std::memory_order_release);
    parking.wake_one_idle(WorkerId(item % consumers));
    while (item % 2 == 0 && consumed.load(std::memory_order_acquire) <= item) std::this_thread::yield();
  }
  while (consumed.load(std::memory_order_acquire) < items) std::this_thread::yield();
  stop.store(true, std::memory_order_release);
  parking.wake_all();
  for (std::thread& thread : team) thread.join();
  EXPECT_EQ(timeouts.load(), 0U);
  EXPECT_EQ(parking.parked(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Fences, ParkingTest,
                         testing::Values(Parking::Fence::automatic, Parking::Fence::symmetric),
                         [](const auto& info) {
                           return info.param == Parking::Fence::automatic ? "automatic" : "symmetric";
                         });

}  // namespace
}  // namespace tutti
