#include "runtime/exec/fixed_order.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace tutti {
namespace {

/// By node: how many tokens come from other workers or from the network.
std::vector<std::uint32_t> count_tokens(const Plan& plan) {
  std::vector<std::uint32_t> tokens(plan.nodes.size(), 0);
  for (std::uint32_t u = 0; u < plan.nodes.size(); ++u)
    for (std::uint32_t e = plan.first_successor[u]; e < plan.first_successor[u + 1]; ++e)
      tokens[plan.successors[e]] += plan.nodes[plan.successors[e]].home != plan.nodes[u].home ? 1 : 0;
  for (const PlanMessage& m : plan.messages) ++tokens[m.node];
  return tokens;
}

/// By node: whether it waits, in its own copy, for something from outside; also through other nodes. A send
/// waits for the network only if the last message has not left.
std::vector<bool> find_late(const Plan& plan, const std::vector<std::uint32_t>& tokens) {
  std::vector<bool> late(plan.nodes.size(), false);
  for (std::uint32_t u = 0; u < plan.nodes.size(); ++u) {
    if (tokens[u] > (plan.nodes[u].kind == NodeKind::send ? 1U : 0U)) late[u] = true;
    if (!late[u]) continue;
    for (std::uint32_t e = plan.first_successor[u]; e < plan.first_successor[u + 1]; ++e) {
      const std::uint32_t v = plan.successors[e];
      if (plan.distances[e] == 0 && plan.nodes[v].copy == plan.nodes[u].copy) late[v] = true;
    }
  }
  return late;
}

}  // namespace

FixedOrder::FixedOrder(Team& team)
    : team_(team),
      sequences_(team.workers.size()),
      waiting_s_(team.plan.nodes.size(), 0),
      waiting_next_s_(waiting_s_) {
  const Plan& plan = team.plan;
  const auto tokens = count_tokens(plan);
  late_ = find_late(plan, tokens);
  for (std::uint32_t copy = 0; copy < plan.copies_per_cycle(); ++copy) {
    for (Sequence& s : sequences_) s.first.push_back(static_cast<std::uint32_t>(s.items.size()));
    for (std::uint32_t n = plan.first_node[copy]; n < plan.first_node[copy + 1]; ++n)
      sequences_[plan.nodes[n].home.value].items.push_back({&team.nodes[n], n, tokens[n]});
  }
  for (Sequence& s : sequences_) s.first.push_back(static_cast<std::uint32_t>(s.items.size()));
}

void FixedOrder::enter(std::uint32_t copy, std::int64_t /*step*/) {
  if (!sorted_) sort();
  sorted_ = true;
  const auto& counters = team_.fresh_counters(copy, Edges::between_workers);
  for (std::uint32_t n = 0; n < counters.size(); ++n) team_.nodes[n].counter = counters[n];
}

// With messages other ranks would find another order, so work counts only without.
void FixedOrder::sort() {
  if (team_.plan.messages.empty()) find_waiting_work();
  const auto waits_us = [&](const Item& i) { return static_cast<std::int64_t>(1e6 * waiting_s_[i.node]); };
  const auto key = [&](const Item& i) { return std::tuple(bool{late_[i.node]}, -waits_us(i), i.node); };
  const auto comes_first = [&](const Item& a, const Item& b) { return key(a) < key(b); };
  for (Sequence& s : sequences_)
    for (std::size_t copy = 0; copy + 1 < s.first.size(); ++copy)
      std::sort(s.items.begin() + s.first[copy], s.items.begin() + s.first[copy + 1], comes_first);
}

// How long each node and the longest chain of nodes after it take, in this cycle and the next. It falls along
// each edge within a copy, or stays.
void FixedOrder::find_waiting_work() {
  const Plan& plan = team_.plan;
  for (int cycle = 0; cycle < 2; ++cycle, std::swap(waiting_s_, waiting_next_s_))
    for (auto u = static_cast<std::uint32_t>(plan.nodes.size()); u-- > 0;) {
      double after_s = 0;
      for (std::uint32_t e = plan.first_successor[u]; e < plan.first_successor[u + 1]; ++e)
        after_s =
            std::max(after_s, (plan.distances[e] == 0 ? waiting_s_ : waiting_next_s_)[plan.successors[e]]);
      waiting_s_[u] = after_s + team_.took_s[u];
    }
  std::swap(waiting_s_, waiting_next_s_);
}

void FixedOrder::work(Worker& w, std::uint32_t copy, std::int64_t step) {
  const Sequence& sequence = sequences_[w.id];
  const std::uint32_t copies = team_.plan.copies_per_cycle();
  try {
    for (; (step < team_.gate.open() || wait_for_gate(w, step)) && !team_.failed(); ++step) {
      const std::uint32_t first = sequence.first[copy];
      const std::uint32_t count = sequence.first[copy + 1] - first;
      if (!run_step(w, std::span(sequence.items).subspan(first, count), step)) return;
      w.retired.store(w.retired.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
      if (++copy == copies) copy = 0;
    }
  } catch (...) {
    team_.fail(w.current.load(std::memory_order_relaxed));
  }
  w.current.store(none, std::memory_order_relaxed);
}

// False if another worker failed.
inline bool FixedOrder::run_step(Worker& w, std::span<const Item> items, std::int64_t step) {
  for (const Item& i : items) {
    HotNode& hot = *i.hot;
    if (i.tokens != 0) {
      if (hot.counter != 0 && !wait_for_tokens(w, hot)) return false;
      hot.counter = i.tokens;
    }
    if (team_.run(w, hot, i.node, step)) take_token(w, i.node);
    for (std::uint32_t e = hot.first_other; e < hot.last_other; ++e)
      team_.release(w, team_.parts.other_successors[e]);
  }
  return true;
}

[[gnu::noinline]] bool FixedOrder::wait_for_tokens(Worker& w, HotNode& hot) {
  const auto arrives = [&] {
    if (hot.kind != NodeKind::receive || !team_.network.test(w, hot.node->payload)) return false;
    --hot.counter;
    return true;
  };
  const auto until = [&] { return hot.counter == 0; };
  w.current.store(none, std::memory_order_relaxed);
  for (int look = 0; look < 3; ++look)  // most often it is about to arrive
    if (arrives() && until()) return true;
  return wait(w, until, arrives);
}

// False if there are no more steps, or another worker failed.
[[gnu::noinline]] bool FixedOrder::wait_for_gate(Worker& w, std::int64_t step) {
  w.current.store(none, std::memory_order_relaxed);
  const auto until = [&] { return step < team_.gate.open() || step >= team_.gate.goal(); };
  return wait(w, until, [] { return false; }) && step < team_.gate.open();
}

// Takes in what comes from outside until until() is true. look() looks for what is awaited, if that is in one
// place. False if another worker failed.
template <class Until, class Look>
bool FixedOrder::wait(Worker& w, Until until, Look look) {
  while (!until()) {
    if (look() || take_mail(w) || poll(w)) continue;
    if (team_.failed()) return false;
    w.gate_seen = team_.gate.open();  // until() says whether it matters
    team_.waiting.rest(w, look, [&] { return team_.failed() || until(); });
  }
  if (w.idle > 0) team_.waiting.end(w);
  return true;
}

bool FixedOrder::take_mail(Worker& w) {
  return team_.take_mail(
      w, [&](std::uint32_t n) { take_token(w, n); }, [](std::uint32_t) {});  // nobody runs nodes of others
}

bool FixedOrder::poll(Worker& w) {
  return team_.poll(w, [&](std::uint32_t n) { take_token(w, n); });
}

}  // namespace tutti
