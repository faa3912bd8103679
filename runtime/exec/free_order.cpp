#include "runtime/exec/free_order.hpp"

#include <utility>

namespace tutti {
namespace {

constexpr unsigned poll_interval = 8;  // tasks between looks at the network and the rings while busy
constexpr float much_longer = 1.5;     // than a node of one's own, if another worker's is to run first

}  // namespace

void FreeOrder::enter(std::uint32_t copy, std::int64_t step) {
  const auto& counters = team_.fresh_counters(copy, Edges::all);
  const auto copies = static_cast<std::uint32_t>(copies_per_cycle_);
  for (auto& w : workers_) w->held.clear();
  for (std::uint32_t i = 0; i < hot_.size(); ++i) {
    hot_[i].counter = counters[i];
    hot_[i].next_step = step + (team_.plan.nodes[i].copy + copies - copy) % copies;
    if (counters[i] == 0) {  // beyond the gate nothing starts to run
      hot_[i].counter = hot_[i].in_degree;
      workers_[hot_[i].home]->held.push_back(i);
    }
  }
}

void FreeOrder::work(Worker& w, std::uint32_t copy, std::int64_t step) {
  w.next = none;
  w.gate_seen = step;  // all that is held waits for a later step
  while (!team_.failed()) {
    const bool has_more = run_some(w);
    w.current.store(none, std::memory_order_relaxed);
    if (has_more) {
      drain(w);
      network_.poll_between_nodes(
          w, [&](std::uint32_t m) { team_.deliver(w, m, [&](std::uint32_t n) { take_token(w, n); }); });
      if (w.wanted.load(std::memory_order_relaxed)) share_half(w);
      continue;
    }
    if (drain(w) || poll(w)) continue;
    if (steal(w)) continue;
    if (finished(w, copy, step)) break;
    team_.waiting.rest(
        w, [&] { return poll(w); }, [&] { return team_.failed() || finished(w, copy, step); });
  }
}

// Runs nodes until it is time to look around (true) or none is left (false). By itself, so that the
// shortest tasks find what they need in registers.
[[gnu::noinline]] bool FreeOrder::run_some(Worker& w) {
  for (unsigned busy = 0; busy < poll_interval;) {
    std::uint32_t n = take(w);
    if (n == none) return false;
    if (w.idle > 0) team_.waiting.end(w);
    if (team_.uneven && hot_[n].length != Length::brief && !hot_[n].urgent) n = or_longer(w, n);
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

std::uint32_t FreeOrder::take(Worker& w) {
  std::uint32_t n = none;
  if (w.urgent.take(n)) return n;
  n = w.next;
  w.next = none;
  if (n == none) w.ready.take(n);
  return n;
}

// Cheap while the worker has nodes of its own to wait for: then it looks at nothing that others write.
bool FreeOrder::finished(Worker& w, std::uint32_t copy, std::int64_t step) {
  if (!w.done.load(std::memory_order_relaxed)) {
    if (const std::int64_t goal = gate_.goal(); goal != w.limit_seen) {
      w.limit_seen = goal;
      w.to_retire = team_.parts.owned(w, copy, goal - step);
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
std::uint32_t FreeOrder::run_short(Worker& w, HotNode& hot, std::uint32_t n) {
  try {
    hot.body(hot.node->functor, hot.node->task, hot.arguments, nullptr);
  } catch (...) {
    return fail(n);
  }
  hot.next_step += copies_per_cycle_;
  return complete(w, hot, n);
}
// And all else.
[[gnu::noinline]] std::uint32_t FreeOrder::run(Worker& w, HotNode& hot, std::uint32_t n, bool is_measured) {
  const std::uint32_t payload = hot.node->payload;
  const std::int64_t step = hot.next_step;
  const Length length = hot.length;
  const bool leaves = length != Length::brief && team_.steals && before_long_node(w, length);
  bool sent = false;
  const std::uint64_t begin = is_measured ? w.meter.begin(length) : 0;
  try {
    sent = team_.run(w, hot);
  } catch (...) {
    if (leaves) w.role.come_back();
    return fail(n);
  }
  if (is_measured) hot.length = w.meter.end(begin, n, hot.kind, step);
  if (leaves) w.role.come_back();
  hot.next_step = step + copies_per_cycle_;
  const std::uint32_t next = complete(w, hot, n);
  if (sent) team_.deliver(w, payload, [&](std::uint32_t other) { take_token(w, other); });
  return next;
}

std::uint32_t FreeOrder::complete(Worker& w, const HotNode& hot, std::uint32_t n) {
  const std::uint32_t home = hot.home;
  if (home == w.id) return release(w, hot);
  workers_[home]->list.push(n);
  team_.tell(home);
  return none;
}

// Others may take meanwhile what waits here, and stand in for this worker if the node lasts, or if some have
// more to do than others. True if it left its role.
bool FreeOrder::before_long_node(Worker& w, Length length) {
  share(w, w.urgent, w.urgent.private_count());
  share(w, w.ready, w.ready.private_count());
  if (length != Length::lasting && !team_.uneven) return false;
  w.role.leave();
  return true;
}

void FreeOrder::share(const Worker& w, WorkQueue& queue, std::uint32_t count) {
  if (count == 0) return;
  queue.share(count);
  for (; count > 0 && team_.parking.wake_one_idle(WorkerId{w.id}); --count) {
  }
}

void FreeOrder::share_half(Worker& w) {
  if (w.ready.private_count() < 2) return;
  w.wanted.store(false, std::memory_order_relaxed);
  share(w, w.ready, w.ready.private_count() / 2);
}

// By the home worker, or its stand-in. Other workers first: what they get is under way while the own
// successors are counted down. Returns the first of these that became ready, or none.
std::uint32_t FreeOrder::release(Worker& w, const HotNode& done) {
  for (std::uint32_t e = done.first_other; e < done.last_other; ++e) team_.release(w, other_successors_[e]);
  HotNode* const* const successors = own_successors_.data();
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

// True if the node may run now. One that is ready beyond the gate is held.
bool FreeOrder::count_down(Worker& w, HotNode& hot, std::int64_t open) {
  if (--hot.counter != 0) return false;
  hot.counter = hot.in_degree;
  if (hot.next_step < open) return true;
  w.held.push_back(number(hot));
  return false;
}

[[gnu::noinline]] void FreeOrder::offer(Worker& w, const HotNode& hot) {
  WorkQueue& queue = hot.urgent ? w.urgent : w.ready;
  const std::uint32_t n = number(hot);
  queue.push(n, hot.next_step, hot.length == Length::brief ? 0 : team_.took_s[n]);
  if (w.stood_in_for) share(w, queue, 1);
}

// Takes in what others left for this worker. True if there was anything.
bool FreeOrder::drain(Worker& w) {
  const bool found = team_.take_mail(
      w, [&](std::uint32_t n) { take_token(w, n); },
      [&](std::uint32_t n) {
        if (const std::uint32_t next = release(w, hot_[n]); next != none) offer(w, hot_[next]);
      });
  return pass_gate(w) || found;
}

// Readies the held nodes that the gate now lets through.
bool FreeOrder::pass_gate(Worker& w) {
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

bool FreeOrder::steal(Worker& w) {
  if (!team_.steals) return false;
  const auto count = static_cast<std::uint32_t>(workers_.size());
  for (std::uint32_t d = 1; d < count; ++d)
    if (steal_from(w, *workers_[(w.id + d) % count], {})) return true;
  return false;
}

// False if the other worker shows none that is wanted; it is the next to run.
bool FreeOrder::steal_from(Worker& w, Worker& from, const WorkQueue::Wanted& wanted) {
  if (from.urgent.steal(w.next, wanted) || from.ready.steal(w.next, wanted)) return true;
  if (!from.role.stand_in()) return false;
  from.stood_in_for = true;
  const bool found = drain(from);
  from.stood_in_for = false;
  from.role.give_back();
  return found && (from.urgent.steal(w.next, wanted) || from.ready.steal(w.next, wanted));
}

// Instead of node n, which waits then, a much longer one of an overloaded worker: stolen only when this one
// has run out of nodes, it would end last.
[[gnu::noinline]] std::uint32_t FreeOrder::or_longer(Worker& w, std::uint32_t n) {
  const std::int64_t step = hot_[n].next_step;
  const auto count = static_cast<std::uint32_t>(workers_.size());
  const std::uint32_t turn = (n + static_cast<std::uint32_t>(step)) % (count - 1);  // one of them at a time
  Worker& other = *workers_[(w.id + 1 + turn) % count];
  if (team_.overloaded[w.id] != 0 || team_.overloaded[other.id] == 0) return n;
  const float took_s = team_.took_s[n];
  if (!steal_from(w, other, {much_longer * took_s, step})) return n;
  w.ready.put_back(n, step, took_s);
  team_.parking.wake_one_idle(WorkerId{w.id});
  return std::exchange(w.next, none);
}

bool FreeOrder::poll(Worker& w) {
  return team_.poll(w, [&](std::uint32_t n) { take_token(w, n); });
}

[[gnu::noinline]] std::uint32_t FreeOrder::fail(std::uint32_t n) {
  team_.fail(n);
  return none;
}

}  // namespace tutti
