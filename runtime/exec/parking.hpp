// How workers sleep when there is nothing to do, and how they are woken, at no cost to those who work.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "runtime/data/ids.hpp"
#include "runtime/exec/memory_order.hpp"

namespace tutti {

/// Parking places for the workers of one team.
///
/// Ordering. A producer publishes work with a release store (a ring, a deque, a list) and then calls
/// wake() or wake_one_idle(). A parker raises its flag and then calls `recheck`, which looks at everything
/// that could be work for it. Of the two, at least one sees the other: either recheck() finds the work, or
/// the producer finds the flag and wakes the parker. So no wake-up is lost and nobody polls.
///
/// What orders the flag against the work is paid by the parker: membarrier(PRIVATE_EXPEDITED) puts a full
/// fence into every running thread of the process (some us), and the producer only reads a flag. Where the
/// kernel refuses membarrier, and under the thread sanitizer, both sides use a seq_cst fence.
///
/// Threading: park(w) by worker w; everything else by any thread.
class Parking {
 public:
  enum class Fence { automatic, symmetric };  ///< symmetric: as if membarrier were refused (for tests)

  explicit Parking(std::uint32_t workers, Fence fence = Fence::automatic);
  Parking(const Parking&) = delete;
  Parking& operator=(const Parking&) = delete;

  /// Sleeps until woken or until `timeout` has passed, unless recheck() returns true. May also return for
  /// no reason. Returns false if the time ran out, else true: look for work again in both cases.
  template <class Recheck>
  bool park(WorkerId worker, std::chrono::nanoseconds timeout, Recheck&& recheck) {
    const Raised raised(*this, worker);
    return recheck() || sleep(worker, timeout);
  }

  /// Wakes this worker if it is parked; else costs the read of a flag. True if it was parked.
  bool wake(WorkerId worker) {
    order_after_publishing();
    return places_[worker.index()].parked.load(std::memory_order_relaxed) != 0 && unpark(worker);
  }

  /// Wakes one parked worker, the first after `nearby` in cyclic order; reads one counter if nobody is
  /// parked. True if there was one. Two calls never wake the same sleep.
  bool wake_one_idle(WorkerId nearby) {
    order_after_publishing();
    return parked_.load(std::memory_order_relaxed) != 0 && unpark_after(nearby);
  }

  void wake_all();

  /// Workers inside park(), a hint.
  std::uint32_t parked() const { return parked_.load(std::memory_order_relaxed); }

 private:
  struct alignas(cache_line_size_bytes) Place {
    std::atomic<std::uint32_t> parked{0};  ///< the futex
  };
  /// A worker's flag is up while this lives, also if recheck() throws.
  class Raised {
   public:
    Raised(Parking& parking, WorkerId worker) : parking_(parking), worker_(worker) {
      parking_.raise(worker_);
    }
    ~Raised() { parking_.lower(worker_); }
    Raised(const Raised&) = delete;
    Raised& operator=(const Raised&) = delete;

   private:
    Parking& parking_;
    WorkerId worker_;
  };

  void order_after_publishing() const {
    if (asymmetric_) {
      std::atomic_signal_fence(
          std::memory_order_seq_cst);  // the compiler must not swap; the parker does the rest
    } else {
      std::atomic_thread_fence(std::memory_order_seq_cst);
    }
  }
  void raise(WorkerId worker);
  void lower(WorkerId worker);
  bool sleep(WorkerId worker, std::chrono::nanoseconds timeout);
  bool unpark(WorkerId worker);
  bool unpark_after(WorkerId nearby);

  bool asymmetric_;
  std::vector<Place> places_;
  alignas(cache_line_size_bytes) std::atomic<std::uint32_t> parked_{0};
};

}  // namespace tutti
