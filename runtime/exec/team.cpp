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

[[gnu::noinline]] bool Team::run_measured(Worker& w, HotNode& hot, std::uint32_t n) {
  const std::uint64_t begin = w.meter.begin(hot.length);
  const bool sent = run(w, hot);
  hot.length = w.meter.end(begin, n, hot.kind, hot.node->task.step);
  if (hot.length != Length::brief) w.saw_long_node = true;
  return sent;
}

[[gnu::noinline]] void Team::run_other(const Worker& w, PlanNode& node) {
  const bool stop = perform(plan, node, WorkerId{w.id});
  if (node.kind != NodeKind::decide) return;
  gate.decide(node, node.task.step, stop);
  if (!single) parking.wake_all();
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
