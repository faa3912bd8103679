// The network as the workers of the tasks schedule see it: who looks at it, and what has arrived.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "runtime/comm/transport.hpp"
#include "runtime/exec/worker.hpp"
#include "runtime/graph/plan.hpp"

namespace tutti {

/// Any worker may look at the network at any time. One of those without work has the *poller's role*: it
/// looks again and again and does not park. Used by the workers of one rank at once; each message by one
/// worker at a time, as the plan orders its nodes.
class Network {
 public:
  Network(const Plan& plan, Messages& messages)
      : plan_(plan), messages_(messages), arrived_(plan.messages.size(), 0) {}

  bool in_use() const { return !arrived_.empty(); }

  /// Packs and sends. True if the send is complete; else poll() will find it.
  bool send(Worker& w, std::uint32_t message) {
    plan_.messages[message].pack();
    if (messages_.start(message)) return true;
    ++w.sends_in_flight;
    return false;
  }
  /// Unpacks what has arrived; now the next one may come.
  void receive(std::uint32_t message) {
    plan_.messages[message].unpack();
    arrived_[message] = 0;
    messages_.start(message);
  }
  /// Received and not yet unpacked.
  bool has_arrived(std::uint32_t message) const { return arrived_[message] != 0; }

  /// Whether a message to receive has arrived, for one who waits for it; it is told only once.
  bool test(Worker& w, std::uint32_t message) {
    const std::uint64_t begin = w.meter.tracing() ? ticks() : 0;
    if (!messages_.test(message)) return false;
    w.meter.found_messages(begin);
    arrived_[message] = 1;
    return true;
  }

  /// Looks once, having nothing else to do, and calls deliver(message) for each message that is done. True if
  /// there was any.
  template <class Deliver>
  bool poll(Worker& w, Deliver deliver) {
    return in_use() && look(w, deliver);
  }
  /// Looks once between two tasks; the meter samples what it costs.
  template <class Deliver>
  void poll_between_nodes(Worker& w, Deliver deliver) {
    if (!in_use()) return;
    const std::uint64_t begin = w.meter.begin_poll();
    look(w, deliver);
    if (begin != 0) w.meter.end_poll(begin);
  }

  /// Takes the poller's role if nobody has it; Worker::polls says whether it did.
  void take_role(Worker& w) {
    std::uint32_t nobody = none;
    if (in_use()) w.polls = poller_.compare_exchange_strong(nobody, w.id);
  }
  void leave_role(Worker& w) {
    w.polls = false;
    poller_.store(none);
  }
  /// There are messages, and nobody has the role.
  bool wants_poller() const { return in_use() && poller_.load() == none; }

 private:
  template <class Deliver>
  bool look(Worker& w, Deliver deliver) {
    w.messages_done.clear();
    const std::uint64_t begin = w.meter.tracing() ? ticks() : 0;
    messages_.progress(w.messages_done);
    if (w.messages_done.empty()) return false;
    w.meter.found_messages(begin);
    for (const std::uint32_t m : w.messages_done) {
      if (plan_.messages[m].spec.sending)
        --w.sends_in_flight;
      else
        arrived_[m] = 1;
      deliver(m);
    }
    return true;
  }

  const Plan& plan_;
  Messages& messages_;
  std::vector<unsigned char> arrived_;  // by message
  alignas(cache_line_size_bytes) std::atomic<std::uint32_t> poller_{none};
};

}  // namespace tutti
