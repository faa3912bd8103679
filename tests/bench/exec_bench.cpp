// The parts of the executor alone: queues between workers, parking and waking.
#include <atomic>
#include <chrono>
#include <thread>

#include <benchmark/benchmark.h>

#include "runtime/exec/completion_list.hpp"
#include "runtime/exec/parking.hpp"
#include "runtime/exec/ring.hpp"
#include "runtime/exec/work_queue.hpp"

namespace tutti {
namespace {

void work_queue_private(benchmark::State& state) {
  WorkQueue queue(64);
  std::uint32_t node = 0;
  for (auto _ : state) {
    queue.push(1, 0);
    benchmark::DoNotOptimize(queue.take(node));
  }
}
BENCHMARK(work_queue_private);

void work_queue_shared(benchmark::State& state) {
  WorkQueue queue(64);
  std::uint32_t node = 0;
  for (auto _ : state) {
    queue.push(1, 0);
    queue.share(1);
    benchmark::DoNotOptimize(queue.take(node));
  }
}
BENCHMARK(work_queue_shared);

/// A second thread takes whatever it can get.
void work_queue_with_a_thief(benchmark::State& state) {
  WorkQueue queue(64);
  std::atomic<bool> stop{false};
  std::thread thief([&] {
    std::uint32_t node = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      if (!queue.steal(node)) cpu_relax();
    }
  });
  std::uint32_t node = 0;
  for (auto _ : state) {
    queue.push(1, 0);
    queue.share(1);
    benchmark::DoNotOptimize(queue.take(node));
  }
  stop.store(true);
  thief.join();
}
BENCHMARK(work_queue_with_a_thief)->UseRealTime();

void ring_push_pop(benchmark::State& state) {
  Ring ring(63);
  std::uint32_t value = 0;
  for (auto _ : state) {
    ring.push(1);
    benchmark::DoNotOptimize(ring.pop(value));
  }
}
BENCHMARK(ring_push_pop);

/// There and back between two threads: two trips of a cache line.
void ring_round_trip(benchmark::State& state) {
  Ring there(1);
  Ring back(1);
  constexpr std::uint32_t last = 2;
  std::thread other([&] {
    for (std::uint32_t value = 0; value != last;) {
      while (!there.pop(value)) cpu_relax();
      back.push(value);
    }
  });
  std::uint32_t value = 0;
  const auto trip = [&](std::uint32_t sent) {
    there.push(sent);
    while (!back.pop(value)) cpu_relax();
  };
  for (auto _ : state) trip(1);
  trip(last);
  other.join();
}
BENCHMARK(ring_round_trip)->UseRealTime();

void completion_list_push_take(benchmark::State& state) {
  CompletionList list(64);
  std::uint32_t sum = 0;
  for (auto _ : state) {
    list.push(3);
    list.take_all([&](std::uint32_t n) { sum += n; });
  }
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(completion_list_push_take);

/// What a producer pays when nobody sleeps.
void wake_nobody(benchmark::State& state) {
  Parking parking(2);
  for (auto _ : state) benchmark::DoNotOptimize(parking.wake(WorkerId{1}));
}
BENCHMARK(wake_nobody);

/// From wake() to the first thing that the sleeper does, which had slept for so many us.
void park_and_wake(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  Parking parking(2);
  std::atomic<int> asked{0};
  std::atomic<int> answered{0};
  std::atomic<Clock::rep> woken{0};
  std::atomic<bool> stop{false};
  std::thread sleeper([&] {
    for (int seen = 0; !stop.load();) {
      parking.park(WorkerId{1}, std::chrono::seconds(1), [&] { return asked.load() != seen || stop.load(); });
      if (asked.load() == seen) continue;
      woken.store(Clock::now().time_since_epoch().count());
      answered.store(++seen);
    }
  });
  int asks = 0;
  for (auto _ : state) {
    while (parking.parked() == 0) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::microseconds(state.range(0)));
    const auto begin = Clock::now();
    asked.store(++asks);
    parking.wake(WorkerId{1});
    while (answered.load() != asks) cpu_relax();
    const Clock::duration elapsed(woken.load() - begin.time_since_epoch().count());
    state.SetIterationTime(std::chrono::duration<double>(elapsed).count());
  }
  stop.store(true);
  parking.wake(WorkerId{1});
  sleeper.join();
}
BENCHMARK(park_and_wake)->Arg(20)->Arg(2000)->UseManualTime()->Iterations(200);

}  // namespace
}  // namespace tutti
