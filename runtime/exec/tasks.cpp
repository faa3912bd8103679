// The tasks schedule. See executor.hpp for the idea and README.md for the rules.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <span>

#include <omp.h>
#include <sched.h>

#include "runtime/exec/executor.hpp"
#include "runtime/exec/network.hpp"
#include "runtime/exec/parking.hpp"
#include "runtime/exec/waiting.hpp"
#include "runtime/exec/worker.hpp"

namespace tutti {
namespace {

constexpr unsigned poll_interval = 8;  // tasks between looks at the network and the rings while busy

class TaskExecutor : public Executor {
 public:
  explicit TaskExecutor(const ExecutorContext& c)
      : plan_(c.plan),
        gate_(c.gate),
        network_(c.plan, c.messages),
        oversubscribed_(c.oversubscribed),
        steals_(c.steal && c.plan.workers > 1),
        parking_(c.plan.workers),
        parts_(c.plan, c.profile, c.trace, c.graph),
        hot_(parts_.nodes),
        workers_(parts_.workers),
        waiting_(network_, parking_, gate_, workers_, steals_, oversubscribed_) {}

  void enter(std::uint32_t copy, std::int64_t step) override {
    // tokens still on their way belong to the place that is being left; beyond the gate nothing starts to run
    for (bool found = true; found;) {
      found = false;
      for (auto& w : workers_) found |= drain(*w);
    }
    auto counters = plan_.initial_counters(copy);
    for (std::uint32_t m = 0; m < plan_.messages.size(); ++m)  // from ranks that are ahead
      if (network_.has_arrived(m)) --counters[plan_.messages[m].node];
    const std::uint32_t copies = plan_.copies_per_cycle();
    for (auto& w : workers_) w->held.clear();
    for (std::uint32_t i = 0; i < hot_.size(); ++i) {
      hot_[i].counter = counters[i];
      hot_[i].next_step = step + (plan_.nodes[i].copy + copies - copy) % copies;
      if (counters[i] == 0) {
        hot_[i].counter = hot_[i].in_degree;
        workers_[hot_[i].home]->held.push_back(i);
      }
    }
    entry_copy_ = copy;
    next_step_ = step;
  }

  void execute() override {
    for (auto& w : workers_) {
      w->retired.store(0, std::memory_order_relaxed);
      w->limit_seen = -1;
      w->done.store(false, std::memory_order_relaxed);
      w->wanted.store(false, std::memory_order_relaxed);
      w->gate_seen = next_step_;  // all that is held waits for a later step
    }
    // what the reading workers have for themselves may have been changed between runs
    for (const Carry& c : parts_.carries) std::memcpy(c.to, c.from, c.bytes);
    bool team_is_wrong = false;
#pragma omp parallel num_threads(plan_.workers) if (plan_.workers > 1)
    {
      const auto id = static_cast<std::uint32_t>(omp_get_thread_num());
      if (static_cast<std::uint32_t>(omp_get_num_threads()) != plan_.workers) {
#pragma omp single
        team_is_wrong = true;
      } else {
        work(*workers_[id]);
#pragma omp barrier
        drain(*workers_[id]);  // tokens for the next run
      }
    }
    if (team_is_wrong) wrong_team(plan_.workers);
    if (failed_.load()) rethrow_from(plan_, NodeId{failed_node_}, hot_[failed_node_].next_step, thrown_);
    finish_sends();
    entry_copy_ =
        static_cast<std::uint32_t>((entry_copy_ + gate_.limit() - next_step_) % plan_.copies_per_cycle());
    next_step_ = gate_.limit();
  }

  std::uint64_t progress_count() const override {
    std::uint64_t sum = 0;
    for (const auto& w : workers_) sum += w->retired.load(std::memory_order_relaxed);
    return sum + static_cast<std::uint64_t>(gate_.open());
  }

  std::string explain() const override { return parts_.explain(plan_); }

 private:
  // -- the worker's loop
  // --------------------------------------------------------------------------------------

  void work(Worker& w) {
    w.meter.start_run();
    w.next = none;
    w.idle = 0;
    while (!failed_.load(std::memory_order_relaxed)) {
      const bool has_more = run_some(w);
      w.current.store(none, std::memory_order_relaxed);
      if (has_more) {
        drain(w);
        network_.poll_between_nodes(w, [&](std::uint32_t m) { deliver(w, m); });
        if (w.wanted.load(std::memory_order_relaxed)) share_half(w);
        continue;
      }
      if (drain(w) || poll(w)) continue;
      if (steal(w)) continue;
      if (finished(w)) break;
      waiting_.rest(
          w, [&] { return poll(w); }, [&] { return failed_.load() || finished(w); });
    }
    w.meter.end_run();
    if (w.polls) waiting_.stop_polling(w);
    parking_.wake_all();
  }

  // Runs nodes until it is time to look around (true) or none is left (false). By itself, so that the
  // shortest tasks find what they need in registers.
  [[gnu::noinline]] bool run_some(Worker& w) {
    for (unsigned busy = 0; busy < poll_interval;) {
      const std::uint32_t n = take(w);
      if (n == none) return false;
      if (w.idle > 0) waiting_.end(w);
      HotNode& hot = hot_[n];
      const Length length = hot.length;  // once it has run it is no longer ours
      hot.node->task.step = hot.next_step;
      hot.node->task.worker = WorkerId{w.id};
      w.current.store(n, std::memory_order_relaxed);
      const bool is_measured = w.meter.measures(length);
      const std::uint32_t follower =
          is_measured || hot.body == nullptr ? run(w, hot, n, is_measured) : run_short(w, hot, n);
      // Right after the task that made it ready, while its data is in the cache. What a lasting task wrote
      // has left the near caches again: then neighbours in the order of the program do better.
      if (w.next == none && length != Length::lasting)
        w.next = follower;
      else if (follower != none)
        offer(w, hot_[follower]);
      busy += length == Length::brief ? 1 : poll_interval;
    }
    return true;
  }

  static std::uint32_t take(Worker& w) {
    std::uint32_t n = none;
    if (w.urgent.take(n)) return n;
    n = w.next;
    w.next = none;
    if (n == none) w.ready.take(n);
    return n;
  }

  // Cheap while the worker has nodes of its own to wait for: then it looks at nothing that others write.
  bool finished(Worker& w) {
    if (!w.done.load(std::memory_order_relaxed)) {
      if (const std::int64_t limit = gate_.limit(); limit != w.limit_seen) {
        w.limit_seen = limit;
        w.to_retire = parts_.owned(w, entry_copy_, limit - next_step_);
      }
      if (w.retired.load(std::memory_order_relaxed) < w.to_retire) return false;
      w.done.store(true, std::memory_order_release);
    }
    for (const auto& other : workers_)
      if (!other->done.load(std::memory_order_acquire)) return false;
    return true;
  }

  // Runs a ready node and returns the first successor that became ready, or none. A call of a kernel that
  // was short so far, and is not measured:
  std::uint32_t run_short(Worker& w, HotNode& hot, std::uint32_t n) {
    try {
      hot.body(hot.node->functor, hot.node->task, hot.arguments, nullptr);
    } catch (...) {
      return fail(n);
    }
    hot.next_step += copies_per_cycle_;
    return complete(w, hot, n);
  }
  // And all else.
  [[gnu::noinline]] std::uint32_t run(Worker& w, HotNode& hot, std::uint32_t n, bool is_measured) {
    PlanNode& node = *hot.node;
    const std::int64_t step = hot.next_step;
    const Length length = hot.length;
    const bool leaves = length != Length::brief && steals_ && before_long_node(w, length);
    bool stop = false;
    const std::uint64_t begin = is_measured ? w.meter.begin(length) : 0;
    try {
      stop = perform(plan_, node, WorkerId{w.id});
    } catch (...) {
      if (leaves) w.role.come_back();
      return fail(n);
    }
    const bool sent = hot.kind != NodeKind::run && follow_up(w, node, step, stop);
    if (is_measured) hot.length = w.meter.end(begin, n, hot.kind, step);
    if (leaves) w.role.come_back();
    hot.next_step = step + copies_per_cycle_;
    const std::uint32_t next = complete(w, hot, n);
    // armed for the next cycle, since its staging is free again; but first let go those who wait
    if (node.kind == NodeKind::receive) network_.arm(node.payload);
    if (sent) deliver(w, node.payload);
    return next;
  }

  std::uint32_t complete(Worker& w, const HotNode& hot, std::uint32_t n) {
    const std::uint32_t home = hot.home;
    if (home == w.id) return release(w, hot);
    workers_[home]->list.push(n);
    tell(home);
    return none;
  }

  // Others may take meanwhile what waits here, and stand in for this worker. True if it left its role.
  bool before_long_node(Worker& w, Length length) {
    share(w, w.urgent, w.urgent.private_count());
    share(w, w.ready, w.ready.private_count());
    if (length != Length::lasting) return false;
    w.role.leave();
    return true;
  }

  void share(const Worker& w, WorkQueue& queue, std::uint32_t count) {
    if (count == 0) return;
    queue.share(count);
    for (; count > 0 && parking_.wake_one_idle(WorkerId{w.id}); --count) {
    }
  }

  void share_half(Worker& w) {
    if (w.ready.private_count() < 2) return;
    w.wanted.store(false, std::memory_order_relaxed);
    share(w, w.ready, w.ready.private_count() / 2);
  }

  // True if it was a send, and its message is on its way.
  bool follow_up(Worker& w, const PlanNode& node, std::int64_t step, bool stop) {
    if (node.kind == NodeKind::send) return network_.send(w, node.payload);
    if (node.kind == NodeKind::receive) {
      network_.unpacked(node.payload);
    } else if (node.kind == NodeKind::decide) {
      gate_.decide(node, step, stop);
      parking_.wake_all();
    }
    return false;
  }

  // By the home worker, or its stand-in. Other workers first: what they get is under way while the own
  // successors are counted down. Returns the first of these that became ready, or none.
  std::uint32_t release(Worker& w, const HotNode& done) {
    for (std::uint32_t e = done.first_other; e < done.last_other; ++e)
      release_elsewhere(w, parts_.other_successors[e]);
    HotNode* const* const successors = parts_.own_successors.data();
    const std::int64_t open = gate_.open();
    std::uint32_t next = none;
    for (std::uint32_t e = done.first_own; e < done.last_own; ++e) {
      HotNode& hot = *successors[e];
      if (!count_down(w, hot, open)) continue;
      if (next == none && !hot.urgent)
        next = number(hot);
      else
        offer(w, hot);
    }
    w.retired.store(w.retired.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return next;
  }

  [[gnu::noinline]] void release_elsewhere(Worker& w, const OtherSuccessor& s) {
    Worker& other = *workers_[s.home];
    if (s.carry == none) {
      other.incoming[w.id]->push(s.node);
    } else {
      const Carry& c = parts_.carries[s.carry];
      other.carrying[w.id]->push(s.carry, c.from, c.bytes);
    }
    tell(s.home);
  }

  std::uint32_t number(const HotNode& hot) const { return static_cast<std::uint32_t>(&hot - hot_.data()); }

  /// There is mail for this worker.
  void tell(std::uint32_t worker) {
    parking_.wake(WorkerId{worker});
    if (workers_[worker]->role.is_away()) parking_.wake_one_idle(WorkerId{worker});
  }

  // True if the node may run now. One that is ready beyond the gate is held.
  bool count_down(Worker& w, HotNode& hot, std::int64_t open) {
    if (--hot.counter != 0) return false;
    hot.counter = hot.in_degree;
    if (hot.next_step < open) return true;
    w.held.push_back(number(hot));
    return false;
  }

  [[gnu::noinline]] void offer(Worker& w, const HotNode& hot) {
    WorkQueue& queue = hot.urgent ? w.urgent : w.ready;
    queue.push(number(hot), hot.next_step);
    if (w.stood_in_for) share(w, queue, 1);
  }

  void take_token(Worker& w, std::uint32_t n) {
    if (count_down(w, hot_[n], gate_.open())) offer(w, hot_[n]);
  }

  // Takes in what others left for this worker. True if there was anything.
  bool drain(Worker& w) {
    bool found = false;
    for (Ring* ring : w.mail) {
      std::uint32_t n = 0;
      while (ring->pop(n)) {
        take_token(w, n);
        found = true;
      }
    }
    for (CarryRing* ring : w.parcels) {
      std::uint32_t n = 0;
      const std::byte* payload = nullptr;
      while (ring->pop(n, payload)) {
        const Carry& c = parts_.carries[n];
        CarryRing::copy_small(c.to, payload, c.bytes);
        take_token(w, c.node);
        found = true;
      }
    }
    const auto nodes = static_cast<std::uint32_t>(hot_.size());
    found |= w.list.take_all([&](std::uint32_t n) {
      if (n >= nodes) return take_token(w, plan_.messages[n - nodes].node);
      if (const std::uint32_t next = release(w, hot_[n]); next != none) offer(w, hot_[next]);
    }) > 0;
    return pass_gate(w) || found;
  }

  // Readies the held nodes that the gate now lets through.
  bool pass_gate(Worker& w) {
    const std::int64_t open = gate_.open();
    if (open == w.gate_seen) return false;
    w.gate_seen = open;
    bool found = false;
    for (std::size_t i = 0; i < w.held.size(); ++i) {
      const std::uint32_t n = w.held[i];
      if (hot_[n].next_step >= open) continue;
      w.held[i] = none;
      offer(w, hot_[n]);
      found = true;
    }
    if (found) std::erase(w.held, none);
    return found;
  }

  // What it steals is the next to run.
  bool steal(Worker& w) {
    if (!steals_) return false;
    std::uint32_t& n = w.next;
    const auto count = static_cast<std::uint32_t>(workers_.size());
    for (std::uint32_t d = 1; d < count; ++d) {
      Worker& from = *workers_[(w.id + d) % count];
      if (from.urgent.steal(n) || from.ready.steal(n)) return true;
      if (!from.role.stand_in()) continue;
      from.stood_in_for = true;
      const bool found = drain(from);
      from.stood_in_for = false;
      from.role.give_back();
      if (found && (from.urgent.steal(n) || from.ready.steal(n))) return true;
    }
    return false;
  }

  // -- the network
  // --------------------------------------------------------------------------------------------

  bool poll(Worker& w) {
    return network_.poll(w, [&](std::uint32_t m) { deliver(w, m); });
  }

  void deliver(Worker& w, std::uint32_t m) {
    const std::uint32_t node = plan_.messages[m].node;
    const std::uint32_t home = hot_[node].home;
    if (home == w.id) return take_token(w, node);
    workers_[home]->list.push(static_cast<std::uint32_t>(hot_.size()) + m);
    tell(home);
  }

  // What we sent must reach those who still wait for it, whatever this thread does next.
  void finish_sends() {
    Worker& w = *workers_[0];
    const auto in_flight = [&] {
      std::int64_t sum = 0;
      for (const auto& other : workers_) sum += other->sends_in_flight;
      return sum;
    };
    while (in_flight() > 0) {
      w.meter.idle();
      if (!poll(w) && oversubscribed_) sched_yield();
    }
    w.meter.busy();
  }

  // -- failure
  // ------------------------------------------------------------------------------------------------

  /// From a handler. Returns what run() does then.
  [[gnu::noinline]] std::uint32_t fail(std::uint32_t n) {
    const std::lock_guard lock(failure_);
    if (!failed_.load()) {
      thrown_ = std::current_exception();
      failed_node_ = n;
      failed_.store(true);
      parking_.wake_all();
    }
    return none;
  }

  Plan& plan_;
  StepGate& gate_;
  Network network_;
  bool oversubscribed_;
  bool steals_;
  Parking parking_;
  MovingParts parts_;
  std::span<HotNode> hot_;
  std::span<std::unique_ptr<Worker>> workers_;
  Waiting waiting_;
  std::int64_t copies_per_cycle_ = plan_.copies_per_cycle();
  std::uint32_t entry_copy_ = 0;  ///< copy of next_step_
  std::int64_t next_step_ = 0;
  std::atomic<bool> failed_{false};
  std::mutex failure_;
  std::exception_ptr thrown_;
  std::uint32_t failed_node_ = 0;
};

}  // namespace

std::unique_ptr<Executor> make_task_executor(const ExecutorContext& context) {
  return std::make_unique<TaskExecutor>(context);
}

}  // namespace tutti
