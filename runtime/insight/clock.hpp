// The cheapest clock there is, for reading it around tasks of microseconds.
#pragma once

#include <chrono>
#include <cstdint>

namespace tutti {

namespace detail {
/// Whether the time-stamp counter ticks at one rate, whatever the processor's frequency and sleep states.
extern const bool counter_is_steady;
}  // namespace detail

/// A count that grows at a fixed rate, never 0; comparable between the threads of one node. About 10 ns where
/// the processor has a steady time-stamp counter, else std::chrono::steady_clock (about 25 ns).
inline std::uint64_t ticks() {
#if defined(__x86_64__)
  if (detail::counter_is_steady) return __builtin_ia32_rdtsc();
#endif
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

/// Seconds of one tick, measured from the start of the process to now; at least 1 ms of it, for which a first
/// call may wait. Good to a few parts in 10^5 from a tenth of a second on.
double seconds_per_tick();
/// Seconds that the calling thread has spent on a processor. A system call.
double thread_cpu_s();
/// Ticks between two readings in a row, at best: what a measurement adds to what it measures.
std::uint64_t reading_ticks();
/// What std::chrono::steady_clock shows at this count, in seconds.
double steady_seconds(std::uint64_t count);

}  // namespace tutti
