#include "runtime/exec/ring.hpp"

#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tutti {
namespace {

TEST(Ring, FirstInFirstOut) {
  Ring ring(3);
  std::uint32_t value = 0;
  EXPECT_TRUE(ring.empty());
  EXPECT_FALSE(ring.pop(value));
  for (std::uint32_t lap = 0; lap < 100; ++lap) {
    for (std::uint32_t i = 0; i < 3; ++i) ring.push(3 * lap + i);
    for (std::uint32_t i = 0; i < 3; ++i) {
      EXPECT_FALSE(ring.empty());
      ASSERT_TRUE(ring.pop(value));
      ASSERT_EQ(value, 3 * lap + i);
    }
    EXPECT_FALSE(ring.pop(value));
  }
}

TEST(Ring, TheExtremeValuesAreValuesToo) {
  Ring ring(2);
  ring.push(0);
  ring.push(0xFFFFFFFF);
  std::uint32_t value = 1;
  ASSERT_TRUE(ring.pop(value));
  EXPECT_EQ(value, 0U);
  ASSERT_TRUE(ring.pop(value));
  EXPECT_EQ(value, 0xFFFFFFFFU);
}

TEST(Ring, HasRoomForMoreThanWhatIsInFlight) {
  for (const std::uint32_t in_flight : {0U, 1U, 7U, 8U, 1000U, 1024U}) {
    EXPECT_GT(Ring(in_flight).capacity(), in_flight);
  }
}

/// Two rings carry tokens back and forth, as releases do: a token comes back before it is sent again.
TEST(Ring, TokensCirculateBetweenTwoThreads) {
  constexpr std::uint32_t tokens = 24;
  constexpr std::uint32_t trips = 3'000;
  Ring there(tokens);
  Ring back(tokens);
  std::vector<std::uint32_t> payload(tokens);  // plain data, handed over with its token
  std::thread other([&] {
    std::uint32_t token = 0;
    for (std::uint32_t n = 0; n < tokens * trips;) {
      if (!there.pop(token)) {
        std::this_thread::yield();
        continue;
      }
      ++payload[token];
      back.push(token);
      ++n;
    }
  });
  for (std::uint32_t token = 0; token < tokens; ++token) there.push(token);
  std::uint32_t token = 0;
  for (std::uint32_t n = 0; n < tokens * trips;) {
    if (!back.pop(token)) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(token, n % tokens);  // order is kept both ways
    ++payload[token];
    ++n;
    if (n <= tokens * (trips - 1)) there.push(token);
  }
  other.join();
  for (const std::uint32_t count : payload) EXPECT_EQ(count, 2 * trips);
  EXPECT_TRUE(there.empty());
  EXPECT_TRUE(back.empty());
}

/// What travels with a number is whole when the number arrives, whatever its size.
TEST(CarryRing, PayloadsArriveWithTheirNumbers) {
  constexpr std::uint32_t tokens = 5;
  constexpr std::uint32_t trips = 20'000;
  CarryRing there(tokens);
  Ring back(tokens);
  const auto size_of = [](std::uint32_t token) {
    return token == 0 ? 16U : 6U * token;
  };  // 16, 6, 12, 18, 24
  std::thread other([&] {
    std::uint32_t token = 0;
    const std::byte* payload = nullptr;
    std::vector<unsigned> lap(tokens, 0);
    for (std::uint32_t n = 0; n < tokens * trips;) {
      if (!there.pop(token, payload)) {
        std::this_thread::yield();
        continue;
      }
      for (std::uint32_t i = 0; i < size_of(token); ++i)
        ASSERT_EQ(payload[i], static_cast<std::byte>(lap[token] + token + i));
      ++lap[token];
      back.push(token);
      ++n;
    }
  });
  std::vector<unsigned> lap(tokens, 0);
  const auto send = [&](std::uint32_t token) {
    std::array<std::byte, carry_bytes> payload{};
    for (std::uint32_t i = 0; i < size_of(token); ++i)
      payload[i] = static_cast<std::byte>(lap[token] + token + i);
    ++lap[token];
    there.push(token, payload.data(), size_of(token));
  };
  for (std::uint32_t token = 0; token < tokens; ++token) send(token);
  std::uint32_t token = 0;
  for (std::uint32_t n = 0; n < tokens * trips;) {
    if (!back.pop(token)) {
      std::this_thread::yield();
      continue;
    }
    ++n;
    if (n <= tokens * (trips - 1)) send(token);
  }
  other.join();
  EXPECT_TRUE(there.empty());
}

#if GTEST_HAS_DEATH_TEST && !defined(NDEBUG)
TEST(RingDeathTest, ALapTooManyIsNoticed) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  Ring ring(1);
  for (std::uint32_t n = 0; n < 2 * ring.capacity(); ++n) ring.push(n);
  std::uint32_t value = 0;
  EXPECT_DEATH(ring.pop(value), "in flight");
}
#endif

}  // namespace
}  // namespace tutti
