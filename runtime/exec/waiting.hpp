// What a worker of the tasks schedule does while it has nothing to do: look, ask the others, poll, park.
#pragma once

#include <chrono>
#include <memory>
#include <span>

#include <sched.h>

#include "runtime/exec/gate.hpp"
#include "runtime/exec/network.hpp"
#include "runtime/exec/parking.hpp"
#include "runtime/exec/worker.hpp"

namespace tutti {

/// For the workers of one rank; each calls for itself.
class Waiting {
 public:
  Waiting(Network& network, Parking& parking, const StepGate& gate,
          std::span<const std::unique_ptr<Worker>> workers, bool steals, bool oversubscribed)
      : network_(network),
        parking_(parking),
        gate_(gate),
        workers_(workers),
        steals_(steals),
        oversubscribed_(oversubscribed) {}

  /// Waits for a moment, or, when Worker::idle has grown, until it is woken. `poll()` looks at the network
  /// and says whether it found anything; `ended()` whether there is nothing to wait for.
  template <class Poll, class Ended>
  void rest(Worker& w, Poll poll, Ended ended) {
    ++w.idle;
    w.meter.idle();
    if (wait(w, poll, ended)) w.meter.idle_asleep();
  }

  /// Waits until ended(), which others make true and then wake this worker; looks at nothing else.
  template <class Ended>
  void await(Worker& w, Ended ended) {
    const unsigned turns = oversubscribed_ ? yields_before_parking : spins_before_parking;
    for (unsigned turn = 0; !ended(); ++turn) {
      w.meter.idle();
      if (turn < turns && !oversubscribed_) {
        for (int i = 0; i < 16 && !ended(); ++i) cpu_relax();
        continue;
      }
      if (turn < turns)
        sched_yield();
      else
        parking_.park(WorkerId{w.id}, park_timeout, ended);
      w.meter.idle_asleep();
    }
    w.meter.busy();
  }

  /// There is something to do again.
  void end(Worker& w) {
    w.meter.busy();
    w.idle = 0;
    if (w.polls)
      stop_polling(w);
    else if (network_.wants_poller())  // it may have been woken to watch the network and found work first
      parking_.wake_one_idle(WorkerId{w.id});
  }

  void stop_polling(Worker& w) {
    network_.leave_role(w);
    parking_.wake_one_idle(WorkerId{w.id});  // may take over
  }

 private:
  static constexpr unsigned spins_before_asking = 60;    // about 30 us
  static constexpr unsigned spins_before_parking = 600;  // about 300 us
  static constexpr unsigned yields_before_parking = 16;
  static constexpr auto park_timeout = std::chrono::milliseconds(100);

  // True if the processor was free for others meanwhile.
  template <class Poll, class Ended>
  bool wait(Worker& w, Poll poll, Ended ended) {
    if (w.idle == spins_before_asking && steals_)
      for (const auto& other : workers_)
        if (other->id != w.id) other->wanted.store(true, std::memory_order_relaxed);
    // the poller never parks
    if (w.polls || w.idle < (oversubscribed_ ? yields_before_parking : spins_before_parking)) {
      if (oversubscribed_)
        sched_yield();
      else
        spin(w, poll);
      return oversubscribed_;
    }
    network_.take_role(w);
    if (w.polls) return false;
    parking_.park(WorkerId{w.id}, park_timeout,
                  [&] { return ended() || has_mail(w) || others_have_work(w); });
    return true;
  }

  // Looks for a moment at the rings alone, or without other workers at the network: at what is waited for
  // most often and most urgently.
  template <class Poll>
  static void spin(Worker& w, Poll poll) {
    if (w.mail.empty() && w.parcels.empty()) {
      for (int i = 0; i < 4; ++i)
        if (poll()) return;
      return cpu_relax();
    }
    for (int i = 0; i < 16; ++i) {
      if (has_releases(w)) return;
      if (w.idle > 8) cpu_relax();
    }
  }

  static bool has_releases(const Worker& w) {
    for (const Ring* ring : w.mail)
      if (!ring->empty()) return true;
    for (const CarryRing* ring : w.parcels)
      if (!ring->empty()) return true;
    return false;
  }

  bool has_mail(const Worker& w) const {
    return has_releases(w) || !w.list.empty() || gate_.open() != w.gate_seen || network_.wants_poller();
  }

  bool others_have_work(const Worker& w) const {
    for (const auto& other : workers_)
      if (other->id != w.id && (other->ready.shows_work() || other->urgent.shows_work())) return true;
    return false;
  }

  Network& network_;
  Parking& parking_;
  const StepGate& gate_;
  std::span<const std::unique_ptr<Worker>> workers_;
  bool steals_;
  bool oversubscribed_;
};

}  // namespace tutti
