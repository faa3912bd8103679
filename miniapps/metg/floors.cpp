#include "miniapps/metg/floors.hpp"

#include <atomic>
#include <chrono>
#include <thread>

#include "miniapps/metg/pinning.hpp"
#include "runtime/exec/memory_order.hpp"
#include "runtime/insight/statistics.hpp"

namespace metg {

namespace {

constexpr int trips = 20000;
constexpr int warm_up = 2000;

struct alignas(2 * tutti::cache_line_size_bytes) Line {
  std::atomic<int> value{0};
};

void await(const Line& line, int value) {
  while (line.value.load(std::memory_order_acquire) != value) {  // no pause: that would be part of the result
  }
}

double one_way_ns(int first, int second) {
  Line there;
  Line back;
  std::chrono::duration<double, std::nano> elapsed{};
  std::thread answering([&] {
    pin_this_thread({second});
    for (int i = 1; i <= warm_up + trips; ++i) {
      await(there, i);
      back.value.store(i, std::memory_order_release);
    }
  });
  std::thread asking([&] {
    pin_this_thread({first});
    std::chrono::steady_clock::time_point begin;
    for (int i = 1; i <= warm_up + trips; ++i) {
      if (i == warm_up + 1) begin = std::chrono::steady_clock::now();
      there.value.store(i, std::memory_order_release);
      await(back, i);
    }
    elapsed = std::chrono::steady_clock::now() - begin;
  });
  asking.join();
  answering.join();
  return elapsed.count() / (2.0 * trips);
}

}  // namespace

double cache_line_latency_ns(const std::vector<int>& processors) {
  std::vector<double> pairs;
  for (std::size_t i = 0; i + 1 < processors.size(); ++i)
    pairs.push_back(one_way_ns(processors[i], processors[i + 1]));
  return pairs.empty() ? 0 : tutti::median_interval(pairs).median;
}

}  // namespace metg
