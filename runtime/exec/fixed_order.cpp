#include "runtime/exec/fixed_order.hpp"

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

FixedOrder::FixedOrder(Team& team) : team_(team), sequences_(team.workers.size()) {
  const Plan& plan = team.plan;
  const auto tokens = count_tokens(plan);
  const auto late = find_late(plan, tokens);
  for (std::uint32_t copy = 0; copy < plan.copies_per_cycle(); ++copy) {
    for (Sequence& s : sequences_) s.first.push_back(static_cast<std::uint32_t>(s.items.size()));
    for (const bool turn : {false, true})
      for (std::uint32_t n = plan.first_node[copy]; n < plan.first_node[copy + 1]; ++n)
        if (late[n] == turn)
          sequences_[plan.nodes[n].home.value].items.push_back({&team.nodes[n], n, tokens[n]});
  }
  for (Sequence& s : sequences_) s.first.push_back(static_cast<std::uint32_t>(s.items.size()));
}

void FixedOrder::enter(std::uint32_t copy, std::int64_t /*step*/) {
  const auto& counters = team_.fresh_counters(copy, Edges::between_workers);
  for (std::uint32_t n = 0; n < counters.size(); ++n) team_.nodes[n].counter = counters[n];
}

void FixedOrder::work(Worker& w, std::uint32_t copy, std::int64_t step) {
  const Sequence& sequence = sequences_[w.id];
  const std::uint32_t copies = team_.plan.copies_per_cycle();
  try {
    for (; wait_for_gate(w, step); ++step) {
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
bool FixedOrder::run_step(Worker& w, std::span<const Item> items, std::int64_t step) {
  const WorkerId id{w.id};
  for (const Item& i : items) {
    HotNode& hot = *i.hot;
    if (i.tokens != 0) {
      if (hot.counter != 0 && !wait_for_tokens(w, hot)) return false;
      hot.counter = i.tokens;
    }
    hot.node->task.step = step;
    hot.node->task.worker = id;
    w.current.store(i.node, std::memory_order_relaxed);
    const bool is_measured = w.meter.measures(hot.length);
    if (is_measured || hot.body == nullptr)
      run(w, i, is_measured);
    else
      hot.body(hot.node->functor, hot.node->task, hot.arguments, nullptr);
    for (std::uint32_t e = hot.first_other; e < hot.last_other; ++e)
      team_.release(w, team_.parts.other_successors[e]);
  }
  return true;
}

[[gnu::noinline]] void FixedOrder::run(Worker& w, const Item& item, bool is_measured) {
  HotNode& hot = *item.hot;
  PlanNode& node = *hot.node;
  const std::uint64_t begin = is_measured ? w.meter.begin(hot.length) : 0;
  const bool stop = perform(team_.plan, node, WorkerId{w.id});
  const bool sent = hot.kind != NodeKind::run && team_.follow_up(w, node, node.task.step, stop);
  if (is_measured) hot.length = w.meter.end(begin, item.node, hot.kind, node.task.step);
  if (hot.length != Length::brief) w.saw_long_node = true;
  if (hot.kind == NodeKind::receive) team_.network.arm(node.payload);
  if (sent) take_token(w, item.node);
}

[[gnu::noinline]] bool FixedOrder::wait_for_tokens(Worker& w, const HotNode& hot) {
  w.current.store(none, std::memory_order_relaxed);
  return wait(w, [&] { return hot.counter == 0; });
}

// False if there are no more steps, or another worker failed.
bool FixedOrder::wait_for_gate(Worker& w, std::int64_t step) {
  if (step < team_.gate.open()) return !team_.failed();
  w.current.store(none, std::memory_order_relaxed);
  return wait(w, [&] { return step < team_.gate.open() || step >= team_.gate.goal(); }) &&
         step < team_.gate.open();
}

// Takes in what comes from outside until until() is true. False if another worker failed.
template <class Until>
bool FixedOrder::wait(Worker& w, Until until) {
  while (!until()) {
    if (take_mail(w) || poll(w)) continue;
    if (team_.failed()) return false;
    w.gate_seen = team_.gate.open();  // until() says whether it matters
    team_.waiting.rest(
        w, [&] { return poll(w); }, [&] { return team_.failed() || until(); });
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
