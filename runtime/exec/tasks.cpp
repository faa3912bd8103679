// The tasks schedule. See executor.hpp for the idea and README.md for the rules.
#include <algorithm>
#include <atomic>
#include <bit>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include <omp.h>
#include <sched.h>

#include "runtime/error.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/exec/parking.hpp"
#include "runtime/exec/worker.hpp"

namespace tutti {
namespace {

constexpr unsigned poll_interval = 8;  // tasks between looks at the network and the rings while busy
constexpr unsigned spins_before_parking = 4000;
constexpr auto park_timeout = std::chrono::milliseconds(100);

class TaskExecutor : public Executor {
 public:
  explicit TaskExecutor(const ExecutorContext& c)
      : plan_(c.plan),
        gate_(c.gate),
        messages_(c.messages),
        oversubscribed_(c.oversubscribed),
        parking_(c.plan.workers) {
    const auto n = static_cast<std::uint32_t>(plan_.nodes.size());
    hot_.resize(n);
    for (std::uint32_t i = 0; i < n; ++i) {
      hot_[i].in_degree = plan_.in_degree[i];
      hot_[i].first_successor = plan_.first_successor[i];
      hot_[i].last_successor = plan_.first_successor[i + 1];
      hot_[i].home = plan_.nodes[i].home.value;
    }
    for (const std::uint32_t s : plan_.successors) successors_.push_back({s, hot_[s].home});
    for (std::uint32_t w = 0; w < plan_.workers; ++w)
      workers_.push_back(std::make_unique<Worker>(w, n, static_cast<std::uint32_t>(plan_.messages.size()),
                                                  Meter(c.profile, w, c.trace, c.graph)));
    for (std::uint32_t i = 0; i < n; ++i) hot_[i].urgent = feeds_message(i);
    make_rings();
    arrived_.assign(plan_.messages.size(), 0);
    std::vector<std::uint32_t> owned(plan_.workers, 0);
    for (const HotNode& h : hot_) ++owned[h.home];
    for (auto& w : workers_) {
      w->held.reserve(owned[w->id]);
      w->messages_done.reserve(plan_.messages.size());
    }
  }

  void enter(std::uint32_t copy, std::int64_t step) override {
    // tokens still on their way belong to the place that is being left; beyond the gate nothing starts to run
    for (bool found = true; found;) {
      found = false;
      for (auto& w : workers_) found |= drain(*w);
    }
    auto counters = plan_.initial_counters(copy);
    for (std::uint32_t m = 0; m < arrived_.size(); ++m)  // from ranks that are ahead
      if (arrived_[m] != 0) --counters[plan_.messages[m].node];
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
    entry_step_ = step;
    next_step_ = step;
  }

  void execute() override {
    for (auto& w : workers_) {
      w->completed.store(0, std::memory_order_relaxed);
      w->gate_seen = next_step_;  // all that is held waits for a later step
    }
    total_.store(nodes_before(gate_.limit()) - nodes_before(next_step_));
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
    next_step_ = gate_.limit();
  }

  std::uint64_t progress_count() const override {
    std::uint64_t sum = 0;
    for (const auto& w : workers_) sum += w->completed.load(std::memory_order_relaxed);
    return sum + static_cast<std::uint64_t>(gate_.open());
  }

  std::string explain() const override {
    std::string text;
    bool busy = false;
    for (const auto& w : workers_) {
      const std::uint32_t n = w->current.load(std::memory_order_relaxed);
      if (n == none) continue;
      busy = true;
      text +=
          fmt::format("{}worker {} is inside {}", text.empty() ? "" : ", ", w->id, plan_.describe(NodeId{n}));
    }
    return busy ? text : "all workers wait for " + awaited();
  }

 private:
  // -- set-up
  // -------------------------------------------------------------------------------------------------

  bool feeds_message(std::uint32_t n) const {
    const auto is_send = [&](std::uint32_t m) { return plan_.nodes[m].kind == NodeKind::send; };
    if (is_send(n)) return true;
    for (std::uint32_t e = plan_.first_successor[n]; e < plan_.first_successor[n + 1]; ++e)
      if (is_send(plan_.successors[e])) return true;
    return false;
  }

  void make_rings() {
    std::vector<std::uint32_t> edges(std::size_t{plan_.workers} * plan_.workers, 0);
    for (std::uint32_t i = 0; i < hot_.size(); ++i)
      for (std::uint32_t e = hot_[i].first_successor; e < hot_[i].last_successor; ++e)
        ++edges[hot_[i].home * std::size_t{plan_.workers} + successors_[e].home];
    for (auto& to : workers_)
      for (std::uint32_t from = 0; from < plan_.workers; ++from) {
        const std::uint32_t n = edges[from * std::size_t{plan_.workers} + to->id];
        to->incoming.push_back(from != to->id && n > 0 ? std::make_unique<Ring>(n) : nullptr);
      }
  }

  /// Nodes of all steps from the entry to `step`.
  std::uint64_t nodes_before(std::int64_t step) const {
    const std::int64_t copies = plan_.copies_per_cycle();
    const std::int64_t steps = step - entry_step_;
    std::uint64_t sum = static_cast<std::uint64_t>(steps / copies) * hot_.size();
    for (std::int64_t k = 0; k < steps % copies; ++k) {
      const auto copy = static_cast<std::size_t>((entry_copy_ + k) % copies);
      sum += plan_.first_node[copy + 1] - plan_.first_node[copy];
    }
    return sum;
  }

  // -- the worker's loop
  // --------------------------------------------------------------------------------------

  void work(Worker& w) {
    w.meter.start_run();
    std::uint32_t next = none;
    unsigned busy = 0;
    unsigned idle = 0;
    while (!failed_.load(std::memory_order_relaxed)) {
      std::uint32_t now = none;
      if (take_from(w.urgent, now) || take_next(next, now) || take_from(w.ready, now)) {
        if (w.polls) {
          stop_polling(w);
        } else if (idle > 0) {
          hand_on_polling(w);
        }
        w.meter.busy();
        idle = 0;
        const std::uint32_t follower = run(w, now);
        if (next == none)
          next = follower;
        else if (follower != none)
          offer(w, follower);
        busy += hot_[now].is_long ? poll_interval : 1;
        if (busy >= poll_interval) {
          busy = 0;
          drain(w);
          poll_between_nodes(w);
        }
        continue;
      }
      if (drain(w) || poll(w)) continue;
      if (steal(w, next)) continue;  // nothing of its own: what it steals is the next
      if (finished()) break;
      rest(w, ++idle);
    }
    w.meter.end_run();
    if (w.polls) stop_polling(w);
    parking_.wake_all();
  }

  static bool take_from(ReadyQueue& nodes, std::uint32_t& n) { return !nodes.empty() && nodes.take(n); }
  static bool take_next(std::uint32_t& next, std::uint32_t& n) {
    n = next;
    next = none;
    return n != none;
  }

  bool finished() const {
    std::uint64_t sum = 0;
    for (const auto& w : workers_) sum += w->completed.load(std::memory_order_acquire);
    return sum == total_.load(std::memory_order_acquire);
  }

  // Runs a ready node and returns the first successor that became ready, or none.
  std::uint32_t run(Worker& w, std::uint32_t n) {
    HotNode& hot = hot_[n];
    PlanNode& node = plan_.nodes[n];
    const std::int64_t step = hot.next_step;
    node.task.step = step;
    w.current.store(n, std::memory_order_relaxed);
    bool stop = false;
    const std::uint64_t begin = w.meter.begin(hot.is_long);
    try {
      stop = perform(plan_, node, WorkerId{w.id});
    } catch (...) {
      fail(n);
      return none;
    }
    w.current.store(none, std::memory_order_relaxed);
    hot.next_step = step + plan_.copies_per_cycle();
    if (node.kind != NodeKind::run) follow_up(node, step, stop);
    if (begin != 0) hot.is_long = w.meter.end(begin, n, node.kind, step);

    std::uint32_t next = none;
    if (hot.home == w.id) {
      release(w, n, next);
    } else {
      workers_[hot.home]->list.push(n);
      parking_.wake(WorkerId{hot.home});
    }
    w.completed.store(w.completed.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    return next;
  }

  void follow_up(const PlanNode& node, std::int64_t step, bool stop) {
    if (node.kind == NodeKind::send) {
      sends_in_flight_.fetch_add(1, std::memory_order_relaxed);
      messages_.start(node.payload);
    } else if (node.kind == NodeKind::receive) {
      arrived_[node.payload] = 0;
      messages_.start(node.payload);  // armed for the next cycle: its staging is free again
    } else if (node.kind == NodeKind::decide) {
      gate_.decide(node, step, stop);
      if (stop) lower_total();
      parking_.wake_all();
    }
  }

  // Several stop_when may end the run at once: the lowest limit counts.
  void lower_total() {
    const std::uint64_t fewer = nodes_before(gate_.limit()) - nodes_before(next_step_);
    std::uint64_t now = total_.load();
    while (fewer < now && !total_.compare_exchange_weak(now, fewer)) {
    }
  }

  void release(Worker& w, std::uint32_t n, std::uint32_t& next) {
    const HotNode& hot = hot_[n];
    for (std::uint32_t e = hot.first_successor; e < hot.last_successor; ++e) {
      const Successor s = successors_[e];
      if (s.home == w.id) {
        if (--hot_[s.node].counter == 0) make_ready(w, s.node, next);
      } else {
        workers_[s.home]->incoming[w.id]->push(s.node);
        parking_.wake(WorkerId{s.home});
      }
    }
  }

  void make_ready(Worker& w, std::uint32_t n, std::uint32_t& next) {
    HotNode& hot = hot_[n];
    hot.counter = hot.in_degree;
    if (hot.next_step >= gate_.open()) {
      w.held.push_back(n);
    } else if (next == none && !hot.urgent) {
      next = n;
    } else {
      offer(w, n);
    }
  }

  /// Puts a ready node where everybody can take it.
  void offer(Worker& w, std::uint32_t n) {
    (hot_[n].urgent ? w.urgent : w.ready).push(n);
    parking_.wake_one_idle(WorkerId{w.id});
  }

  void count_down(Worker& w, std::uint32_t n) {
    if (--hot_[n].counter != 0) return;
    std::uint32_t next = none;
    make_ready(w, n, next);
    if (next != none) offer(w, next);
  }

  // Takes in what others left for this worker. True if there was anything.
  bool drain(Worker& w) {
    bool found = false;
    for (const auto& ring : w.incoming) {
      if (!ring) continue;
      std::uint32_t n = 0;
      while (ring->pop(n)) {
        count_down(w, n);
        found = true;
      }
    }
    const auto nodes = static_cast<std::uint32_t>(hot_.size());
    found |= w.list.take_all([&](std::uint32_t n) {
      if (n >= nodes) return count_down(w, plan_.messages[n - nodes].node);
      std::uint32_t next = none;
      release(w, n, next);
      if (next != none) offer(w, next);
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
      offer(w, n);
      found = true;
    }
    if (found) std::erase(w.held, none);
    return found;
  }

  bool steal(const Worker& w, std::uint32_t& n) {
    const auto count = static_cast<std::uint32_t>(workers_.size());
    for (std::uint32_t d = 1; d < count; ++d) {
      Worker& from = *workers_[(w.id + d) % count];
      if (take_from(from.urgent, n) || take_from(from.ready, n)) return true;
    }
    return false;
  }

  // -- the network
  // --------------------------------------------------------------------------------------------

  bool poll(Worker& w) {
    if (plan_.messages.empty()) return false;
    w.messages_done.clear();
    const std::uint64_t begin = w.meter.tracing() ? ticks() : 0;
    messages_.progress(w.messages_done);
    if (w.messages_done.empty()) return false;
    w.meter.found_messages(begin);
    for (const std::uint32_t m : w.messages_done) deliver(w, m);
    return true;
  }

  void poll_between_nodes(Worker& w) {
    if (plan_.messages.empty()) return;
    const std::uint64_t begin = w.meter.begin_poll();
    poll(w);
    if (begin != 0) w.meter.end_poll(begin);
  }

  void deliver(Worker& w, std::uint32_t m) {
    const PlanMessage& message = plan_.messages[m];
    if (message.spec.sending) {
      sends_in_flight_.fetch_sub(1, std::memory_order_relaxed);
    } else {
      arrived_[m] = 1;
    }
    const std::uint32_t home = hot_[message.node].home;
    if (home == w.id) return count_down(w, message.node);
    workers_[home]->list.push(static_cast<std::uint32_t>(hot_.size()) + m);
    parking_.wake(WorkerId{home});
  }

  // What we sent must reach those who still wait for it, whatever this thread does next.
  void finish_sends() {
    Worker& w = *workers_[0];
    while (sends_in_flight_.load(std::memory_order_relaxed) > 0) {
      w.meter.idle();
      if (!poll(w) && oversubscribed_) sched_yield();
    }
    w.meter.busy();
  }

  // -- having nothing to do
  // -----------------------------------------------------------------------------------

  void rest(Worker& w, unsigned idle) {
    w.meter.idle();
    if (wait(w, idle))
      w.meter.idle_asleep();
    else
      w.meter.idle();
  }

  // True if the processor was free for others meanwhile.
  bool wait(Worker& w, unsigned idle) {
    if (w.polls || idle < (oversubscribed_ ? 16 : spins_before_parking)) {  // the poller never parks
      oversubscribed_ ? static_cast<void>(sched_yield()) : cpu_relax();
      return oversubscribed_;
    }
    if (!plan_.messages.empty() && !w.polls) {
      std::uint32_t nobody = none;
      w.polls = poller_.compare_exchange_strong(nobody, w.id);
    }
    if (w.polls) return false;
    parking_.park(WorkerId{w.id}, park_timeout,
                  [&] { return failed_.load() || finished() || has_mail(w) || others_have_work(w); });
    return true;
  }

  void stop_polling(Worker& w) {
    w.polls = false;
    poller_.store(none);
    parking_.wake_one_idle(WorkerId{w.id});  // may take over
  }

  // It may have been woken to watch the network and found work first.
  void hand_on_polling(const Worker& w) {
    if (!plan_.messages.empty() && poller_.load() == none) parking_.wake_one_idle(WorkerId{w.id});
  }

  bool has_mail(const Worker& w) const {
    for (const auto& ring : w.incoming)
      if (ring && !ring->empty()) return true;
    return !w.list.empty() || gate_.open() != w.gate_seen ||
           (!plan_.messages.empty() && poller_.load() == none);
  }

  bool others_have_work(const Worker& w) const {
    for (const auto& other : workers_)
      if (other->id != w.id && !(other->ready.empty() && other->urgent.empty())) return true;
    return false;
  }

  // -- failure
  // ------------------------------------------------------------------------------------------------

  void fail(std::uint32_t n) {
    const std::lock_guard lock(failure_);
    if (failed_.load()) return;
    thrown_ = std::current_exception();
    failed_node_ = n;
    failed_.store(true);
    parking_.wake_all();
  }

  // Reads counters that others write: good enough for an explanation.
  std::string awaited() const {
    std::string text;
    std::uint32_t waiting = 0;
    for (const PlanMessage& m : plan_.messages) {
      if (m.spec.sending || hot_[m.node].counter != 1) continue;
      if (++waiting <= 3) text += (text.empty() ? "" : ", ") + plan_.describe(NodeId{m.node});
    }
    if (waiting > 3) text += fmt::format(" and {} more messages", waiting - 3);
    return text.empty() ? "each other" : text;
  }

  Plan& plan_;
  StepGate& gate_;
  Messages& messages_;
  bool oversubscribed_;
  Parking parking_;
  std::vector<HotNode> hot_;
  std::vector<Successor> successors_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<unsigned char> arrived_;  ///< by message: received, not yet unpacked
  std::uint32_t entry_copy_ = 0;
  std::int64_t entry_step_ = 0;
  std::int64_t next_step_ = 0;
  alignas(64) std::atomic<std::uint64_t> total_{0};
  alignas(64) std::atomic<std::int64_t> sends_in_flight_{0};
  alignas(64) std::atomic<std::uint32_t> poller_{none};
  std::atomic<bool> failed_{false};
  std::mutex failure_;
  std::exception_ptr thrown_;
  std::uint32_t failed_node_ = 0;
};

}  // namespace

void wrong_team(std::uint32_t workers) {
  environment_error(
      "OpenMP gave a team of another size than the {} workers asked for; see OMP_THREAD_LIMIT and "
      "OMP_DYNAMIC",
      workers);
}

void rethrow_from(const Plan& plan, NodeId node, std::int64_t step, const std::exception_ptr& thrown) {
  const std::string place =
      fmt::format("{} at step {} of graph '{}'", plan.describe(node), step, plan.program->record->name);
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& e) {
    throw Error(e.status(), fmt::format("{}: {}", place, e.what()));
  } catch (const std::exception& e) {
    throw Error(Status::environment, fmt::format("{}: {}", place, e.what()));
  } catch (...) {
    throw Error(Status::environment, fmt::format("{}: unknown exception", place));
  }
}

std::unique_ptr<Executor> make_task_executor(const ExecutorContext& context) {
  return std::make_unique<TaskExecutor>(context);
}

}  // namespace tutti
