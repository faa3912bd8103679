#include "runtime/insight/clock.hpp"

#include <algorithm>
#include <ctime>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace tutti {
namespace {

bool has_steady_counter() {
#if defined(__x86_64__)
  constexpr unsigned power_management = 0x80000007;
  constexpr unsigned invariant_tsc = 1U << 8;  // in EDX
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(power_management, &a, &b, &c, &d) != 0 && (d & invariant_tsc) != 0;
#else
  return false;
#endif
}

double steady_now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Reading {
  std::uint64_t count;
  double steady_s;
};

/// Both clocks at one moment: the closest of a few tries, since the thread may be interrupted between them.
Reading read_both() {
  Reading best{};
  std::uint64_t width = ~0ULL;
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t before = ticks();
    const double steady_s = steady_now_s();
    const std::uint64_t after = ticks();
    if (after - before >= width) continue;
    width = after - before;
    best = {before + width / 2, steady_s};
  }
  return best;
}

}  // namespace

const bool detail::counter_is_steady = has_steady_counter();

namespace {
const Reading at_start = read_both();  // after counter_is_steady, in this order
}  // namespace

double seconds_per_tick() {
  Reading now = read_both();
  while (now.steady_s - at_start.steady_s < 1e-3) now = read_both();
  return (now.steady_s - at_start.steady_s) / static_cast<double>(now.count - at_start.count);
}

double thread_cpu_s() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

std::uint64_t reading_ticks() {
  static const std::uint64_t least = [] {
    std::uint64_t found = ~0ULL;
    for (int i = 0; i < 100; ++i) {
      const std::uint64_t before = ticks();
      found = std::min(found, ticks() - before);
    }
    return found;
  }();
  return least;
}

double steady_seconds(std::uint64_t count) {
  return at_start.steady_s +
         seconds_per_tick() * (static_cast<double>(count) - static_cast<double>(at_start.count));
}

}  // namespace tutti
