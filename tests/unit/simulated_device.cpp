// The simulated device finds what it is for: wrong addresses, values that nobody wrote, missing events.
#include <array>
#include <cmath>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "runtime/device/device_memory.hpp"
#include "runtime/device/simulated.hpp"
#include "runtime/error.hpp"

namespace tutti {
namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

struct Machine {
  explicit Machine(std::uint64_t seed = 1)
      : device(make_simulated_device({}, {mebibyte, seed})),
        a(device->make_stream()),
        b(device->make_stream()) {}
  std::byte* memory(std::uint64_t bytes) { return device->allocate(bytes, "field 'u'"); }
  void copy(const void* from, void* to, std::uint64_t bytes, Direction direction, StreamId stream) {
    StridedCopy c;
    c.from = static_cast<const std::byte*>(from);
    c.to = static_cast<std::byte*>(to);
    c.row_bytes = bytes;
    device->copy(c, direction, stream);
  }
  std::shared_ptr<Device> device;
  StreamId a, b;
};

template <class F>
std::string error_of(const F& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

struct Scale {
  double by;
  void operator()(In<double> from, Out<double> to) const {
    for (std::int64_t k = 0; k < from.extent(2); ++k) to(0, 0, k) = by * from(0, 0, k);
  }
};

DeviceLaunch scale(const void* from, void* to, const std::int64_t* step, std::int64_t n) {
  DeviceLaunch l;
  l.kernel = make_kernel("scale", Scale{2});
  l.step = step;
  const Box box{{0, 0, 0}, {1, 1, n}};
  l.arguments = {{const_cast<void*>(from), n, n, box}, {to, n, n, box}};
  l.parts.resize(1);
  l.parts[0].task.box = box;
  return l;
}

TEST(SimulatedDevice, HasMemoryThatTheHostCannotTouch) {
  Machine m;
  std::byte* memory = m.memory(64);
  EXPECT_DEATH(static_cast<void>(*const_cast<volatile std::byte*>(memory)), "");
  EXPECT_DEATH(*const_cast<volatile std::byte*>(memory) = std::byte{1}, "");
}

TEST(SimulatedDevice, HoldsNoNumbersUntilTheyAreWritten) {
  Machine m;
  std::array<double, 4> values{};
  m.copy(m.memory(32), values.data(), 32, Direction::to_host, m.a);
  m.device->synchronize();
  for (const double v : values) EXPECT_TRUE(std::isnan(v));
}

TEST(SimulatedDevice, RunsKernelsOnItsOwnMemoryOnly) {
  Machine m;
  const std::array<double, 4> values{1, 2, 3, 4};
  std::array<double, 4> result{};
  std::byte* from = m.memory(32);
  std::byte* to = m.memory(32);
  auto* step = reinterpret_cast<std::int64_t*>(m.memory(8));
  const std::int64_t zero = 0;
  m.copy(values.data(), from, 32, Direction::to_device, m.a);
  m.copy(&zero, step, 8, Direction::to_device, m.a);
  const auto launch = m.device->prepare(scale(from, to, step, 4));
  m.device->launch(*launch, m.a);
  m.copy(to, result.data(), 32, Direction::to_host, m.a);
  m.device->synchronize();
  EXPECT_EQ(result, (std::array<double, 4>{2, 4, 6, 8}));
  EXPECT_EQ(m.device->counts().to_device.count, 2u);
  EXPECT_EQ(m.device->counts().to_host.bytes, 32u);
  EXPECT_EQ(m.device->counts().launches, 1u);

  const auto wrong = m.device->prepare(scale(values.data(), to, step, 4));
  m.device->launch(*wrong, m.a);
  EXPECT_EQ(
      error_of([&] { m.device->synchronize(); }),
      "operation 'scale' on the device at step 0: the simulated device was given an address of the host");
}

TEST(SimulatedDevice, RefusesCopiesToAndFromTheWrongSide) {
  std::array<double, 4> values{};
  {
    Machine m;
    m.copy(values.data(), values.data(), 8, Direction::to_device, m.a);
    EXPECT_NE(error_of([&] { m.device->synchronize(); }).find("address of the host"), std::string::npos);
  }
  {
    Machine m;
    std::byte* memory = m.memory(256);
    m.copy(memory, values.data(), 512, Direction::to_host, m.a);
    EXPECT_NE(error_of([&] { m.device->synchronize(); }).find("outside of what was allocated"),
              std::string::npos);
  }
  {
    Machine m;
    std::byte* memory = m.memory(256);
    m.device->free(memory);
    m.copy(values.data(), memory, 8, Direction::to_device, m.a);
    EXPECT_NE(error_of([&] { m.device->synchronize(); }).find("outside"), std::string::npos);
  }
}

// Values travel through two streams. With the event they always arrive; without it, sooner or later they do
// not.
bool arrives(std::uint64_t seed, bool with_event) {
  Machine m(seed);
  const double one = 1;
  double result = 0;
  std::byte* memory = m.memory(8);
  const EventId event = m.device->make_event();
  m.copy(&one, memory, 8, Direction::to_device, m.a);
  m.device->record(event, m.a);
  if (with_event) m.device->wait(m.b, event);
  m.copy(memory, &result, 8, Direction::to_host, m.b);
  m.device->synchronize();
  EXPECT_TRUE(m.device->has_happened(event));
  return result == 1;
}

TEST(SimulatedDevice, KeepsOrderBetweenStreamsByEventsAlone) {
  int lost = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    EXPECT_TRUE(arrives(seed, true)) << seed;
    lost += arrives(seed, false) ? 0 : 1;
  }
  EXPECT_GT(lost, 0);
}

TEST(SimulatedDevice, EventsThatWereNeverRecordedHaveHappened) {
  Machine m;
  const EventId event = m.device->make_event();
  EXPECT_TRUE(m.device->has_happened(event));
  m.device->wait(m.a, event);
  m.device->synchronize();
}

TEST(SimulatedDevice, LaunchesWhatItCapturedAgainAndAgain) {
  Machine m;
  auto* counter = reinterpret_cast<std::int64_t*>(m.memory(8));
  std::int64_t value = 5;
  m.copy(&value, counter, 8, Direction::to_device, m.a);
  m.device->begin_capture(m.a);
  m.device->add(counter, 2, m.a);
  m.device->add(counter, 1, m.a);
  m.copy(counter, &value, 8, Direction::to_host, m.a);
  const auto graph = m.device->end_capture(m.a);
  m.device->synchronize();
  EXPECT_EQ(value, 5);  // nothing of it has been done yet
  EXPECT_EQ(m.device->counts().to_host.count, 0u);
  for (int i = 0; i < 3; ++i) m.device->launch(*graph, m.a);
  m.device->synchronize();
  EXPECT_EQ(value, 14);
  EXPECT_EQ(m.device->counts().to_host.count, 3u);
  EXPECT_EQ(m.device->counts().graph_launches, 3u);
}

TEST(SimulatedDevice, SaysHowMuchMemoryWasAskedForAndHowMuchThereIs) {
  Machine m;
  std::byte* first = m.memory(mebibyte / 2);
  EXPECT_EQ(
      error_of([&] { m.memory(mebibyte); }),
      "field 'u' needs 1.0 MiB on the device, but only 512.0 KiB of 1.0 MiB are left for this rank; use "
      "more devices or a smaller problem");
  m.device->free(first);
  std::byte* all = m.memory(mebibyte);  // the pool is whole again
  EXPECT_EQ(m.device->memory().used_bytes, mebibyte);
  m.device->free(all);
  EXPECT_EQ(m.device->memory().used_bytes, 0u);
  EXPECT_EQ(m.device->memory().high_water_bytes, mebibyte);
}

TEST(MemoryPool, PutsFreePartsTogether) {
  MemoryPool pool(1024);
  const std::uint64_t a = pool.take(200, "a");
  const std::uint64_t b = pool.take(256, "b");
  const std::uint64_t c = pool.take(1, "c");
  EXPECT_EQ(pool.memory().used_bytes, 768u);
  EXPECT_TRUE(pool.holds(b, 256));
  EXPECT_FALSE(pool.holds(b + 1, 256));
  pool.give(a);
  pool.give(c);
  EXPECT_THROW(pool.take(600, "d"), Error);
  pool.give(b);
  EXPECT_EQ(pool.take(1024, "d"), 0u);
}

TEST(Devices, AreDealtToTheRanksOfAMachineInTurn) {
  const auto choice = [](std::uint32_t rank, std::uint32_t ranks, std::uint32_t devices) {
    const DeviceChoice c = choose_device({rank, ranks}, devices);
    return std::pair(c.device, c.ranks);
  };
  EXPECT_EQ(choice(0, 1, 4), (std::pair(0u, 1u)));
  EXPECT_EQ(choice(3, 4, 4), (std::pair(3u, 1u)));
  EXPECT_EQ(choice(2, 5, 2), (std::pair(0u, 3u)));
  EXPECT_EQ(choice(3, 5, 2), (std::pair(1u, 2u)));
}

}  // namespace
}  // namespace tutti
