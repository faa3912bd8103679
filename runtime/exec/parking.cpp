#include "runtime/exec/parking.hpp"

#include <cassert>
#include <cerrno>
#include <ctime>

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tutti {
namespace {

bool register_membarrier() {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

/// Once per process: the registration holds for all its threads.
bool membarrier_works() {
  static const bool works = register_membarrier();
  return works;
}

std::uint32_t* word(std::atomic<std::uint32_t>& futex) {
  static_assert(sizeof(futex) == sizeof(std::uint32_t) && std::atomic<std::uint32_t>::is_always_lock_free);
  return reinterpret_cast<std::uint32_t*>(&futex);
}

}  // namespace

Parking::Parking(std::uint32_t workers, Fence fence)
    : asymmetric_(fence == Fence::automatic && fences_are_understood && membarrier_works()),
      places_(workers) {}

void Parking::raise(WorkerId worker) {
  places_[worker.index()].parked.store(1, std::memory_order_relaxed);
  parked_.fetch_add(1, std::memory_order_relaxed);
  if (asymmetric_) {
    [[maybe_unused]] const long result = syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    assert(result == 0);
  } else {
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
}

void Parking::lower(WorkerId worker) {
  // Acquire: what the waker wrote is visible even to a sleeper that only looks at plain data.
  places_[worker.index()].parked.exchange(0, std::memory_order_acquire);
  parked_.fetch_sub(1, std::memory_order_relaxed);
}

bool Parking::sleep(WorkerId worker, std::chrono::nanoseconds timeout) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  timespec relative{};
  relative.tv_sec = static_cast<time_t>(seconds.count());
  relative.tv_nsec = static_cast<long>((timeout - seconds).count());
  // Returns at once if the flag was lowered meanwhile.
  const long result =
      syscall(SYS_futex, word(places_[worker.index()].parked), FUTEX_WAIT_PRIVATE, 1, &relative, nullptr, 0);
  return result == 0 || errno != ETIMEDOUT;
}

bool Parking::unpark(WorkerId worker) {
  std::atomic<std::uint32_t>& flag = places_[worker.index()].parked;
  if (flag.exchange(0, std::memory_order_release) == 0) return false;  // somebody else wakes it
  syscall(SYS_futex, word(flag), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  return true;
}

bool Parking::unpark_after(WorkerId nearby) {
  const std::size_t workers = places_.size();
  for (std::size_t step = 1; step <= workers; ++step) {
    const std::size_t candidate = (nearby.index() + step) % workers;
    if (places_[candidate].parked.load(std::memory_order_relaxed) != 0 && unpark(WorkerId(candidate)))
      return true;
  }
  return false;
}

void Parking::wake_all() {
  order_after_publishing();
  for (std::size_t worker = 0; worker < places_.size(); ++worker) {
    if (places_[worker].parked.load(std::memory_order_relaxed) != 0) unpark(WorkerId(worker));
  }
}

}  // namespace tutti
