#include "runtime/exec/team.hpp"

namespace tutti {

void Team::release(Worker& w, const OtherSuccessor& s) {
  Worker& other = *workers[s.home];
  if (s.carry == none) {
    other.incoming[w.id]->push(s.node);
  } else {
    const Carry& c = parts.carries[s.carry];
    other.carrying[w.id]->push(s.carry, c.from, c.bytes);
  }
  tell(s.home);
}

[[gnu::noinline]] bool Team::run_any(Worker& w, HotNode& hot, std::uint32_t n, bool is_measured) {
  PlanNode& node = *hot.node;
  const std::uint64_t begin = is_measured ? w.meter.begin(hot.length) : 0;
  const bool stop = perform(plan, node, WorkerId{w.id});
  const bool sent = hot.kind != NodeKind::run && follow_up(w, node, node.task.step, stop);
  if (is_measured) hot.length = w.meter.end(begin, n, hot.kind, node.task.step);
  if (hot.length != Length::brief) w.saw_long_node = true;
  if (hot.kind == NodeKind::receive) network.arm(node.payload);
  return sent;
}

bool Team::follow_up(Worker& w, const PlanNode& node, std::int64_t step, bool stop) {
  if (node.kind == NodeKind::send) return network.send(w, node.payload);
  if (node.kind == NodeKind::receive) {
    network.unpacked(node.payload);
  } else if (node.kind == NodeKind::decide) {
    gate.decide(node, step, stop);
    if (!single) parking.wake_all();
  }
  return false;
}

const std::vector<std::uint32_t>& Team::fresh_counters(std::uint32_t copy, Edges edges) {
  const auto throw_away = [](std::uint32_t) {};
  for (auto& w : workers) take_mail(*w, throw_away, throw_away);
  plan.initial_counters(copy, edges, counters_);
  for (std::uint32_t m = 0; m < plan.messages.size(); ++m)  // from ranks that are ahead
    if (network.has_arrived(m)) --counters_[plan.messages[m].node];
  return counters_;
}

void Team::fail(std::uint32_t n) {
  const std::lock_guard lock(failure_);
  if (failed()) return;
  thrown_ = std::current_exception();
  failed_node_ = n;
  if (n != none) failed_step_ = plan.nodes[n].task.step;
  failed_.store(true);
  parking.wake_all();
}

void Team::rethrow() const {
  if (!failed()) return;
  if (failed_node_ == none) std::rethrow_exception(thrown_);
  rethrow_from(plan, NodeId{failed_node_}, failed_step_, thrown_);
}

}  // namespace tutti
