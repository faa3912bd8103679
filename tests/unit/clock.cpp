#include "runtime/insight/clock.hpp"

#include <cmath>
#include <thread>

#include <gtest/gtest.h>

#include "runtime/insight/clock_offset.hpp"
#include "tests/local_ranks.hpp"

using namespace tutti;

TEST(Clock, TicksAreSteadyClocksSeconds) {
  const std::uint64_t begin = ticks();
  const auto steady = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const double by_ticks_s = static_cast<double>(ticks() - begin) * seconds_per_tick();
  const double by_steady_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - steady).count();
  EXPECT_NEAR(by_ticks_s, by_steady_s, 0.05 * by_steady_s);
  const double now_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  EXPECT_NEAR(steady_seconds(ticks()), now_s, 0.01);
}

TEST(Clock, ReadingCostsLessThanAMicrosecond) {
  EXPECT_LT(static_cast<double>(reading_ticks()) * seconds_per_tick(), 1e-6);
}

// Four ranks on three nodes, whose clocks are off by what the test adds.
TEST(ClockOffset, FindsWhatClocksOfOtherNodesAreOffBy) {
  const std::vector<std::string> nodes{"a", "b", "a", "c"};
  const std::vector<double> ahead_s{0, 12.5, 0, -3};
  std::vector<double> found(4);
  test::on_local_ranks(4, [&](const auto& transport) {
    const std::size_t r = transport->rank().index();
    found[r] = clock_offset_s(*transport, nodes[r], [&] { return steady_seconds(ticks()) + ahead_s[r]; });
  });
  EXPECT_EQ(found[0], 0);
  EXPECT_EQ(found[2], 0) << "shares rank 0's clock";
  EXPECT_NEAR(found[1], -12.5, 0.01);
  EXPECT_NEAR(found[3], 3, 0.01);
}
