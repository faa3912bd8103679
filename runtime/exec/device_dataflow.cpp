#include "runtime/exec/device_dataflow.hpp"

#include <algorithm>
#include <exception>

#include <fmt/core.h>
#include <omp.h>

namespace tutti {

DeviceDataflow::DeviceDataflow(const ExecutorContext& c, const DeviceSchedule& schedule, DeviceStages& stages,
                               DeviceContext& context)
    : plan_(c.plan),
      gate_(c.gate),
      messages_(c.messages),
      oversubscribed_(c.oversubscribed),
      profile_(c.profile),
      trace_(c.trace ? &c.trace->ring(0) : nullptr),
      graph_(c.graph),
      schedule_(schedule),
      stages_(stages),
      context_(context),
      device_(*context.device),
      copies_(plan_.copies_per_cycle()),
      moving_(schedule_.stages.size()),
      awaiting_(plan_.messages.size(), none),
      is_there_(plan_.messages.size()) {
  join_edges();
  for (std::uint32_t m = 0; m < is_there_.size(); ++m) is_there_[m] = plan_.messages[m].spec.sending;
  for (std::uint32_t s = 0; s < moving_.size(); ++s) {
    for (const std::uint32_t m : schedule_.stages[s].awaits) awaiting_[m] = s;
    if (is_device(s))
      for (EventId& e : moving_[s].events) e = device_.make_event();
  }
}

void DeviceDataflow::join_edges() {
  for (const Edge& e : schedule_.flow.edges) {
    Moving& to = moving_[e.to.index()];
    ++to.in_degree;
    moving_[e.from.index()].next.push_back(e);
    if (is_device(e.from.value) && is_device(e.to.value) && stream_of(e.from.value) != stream_of(e.to.value))
      to.before.push_back(e.from.value);
  }
  for (std::uint32_t s = 0; s < moving_.size(); ++s)
    moving_[s].in_degree += static_cast<std::uint32_t>(schedule_.stages[s].awaits.size());
}

void DeviceDataflow::enter(std::uint32_t copy, std::int64_t step) {
  ready_.clear();
  for (std::uint32_t s = 0; s < moving_.size(); ++s) {
    Moving& m = moving_[s];
    m.step = step + (std::int64_t{schedule_.stages[s].copy} - copy + copies_) % copies_;
    m.counter = 0;
    for (const std::uint32_t message : schedule_.stages[s].awaits) m.counter += is_there_[message] ? 0 : 1;
  }
  const auto fired = [&](NodeId s) { return schedule_.stages[s.index()].copy < copy ? 1 : 0; };
  for (const Edge& e : schedule_.flow.edges)
    if (fired(e.from) + e.distance - fired(e.to) == 0) ++moving_[e.to.index()].counter;
  for (std::uint32_t s = 0; s < moving_.size(); ++s)
    if (moving_[s].counter == 0) ready_.push_back(s);
}

std::string DeviceDataflow::explain() const {
  const std::uint32_t s = waits_for_.load(std::memory_order_relaxed);
  if (s == none) return "it waits for the device";
  const Stage& stage = schedule_.stages[s];
  std::string text = fmt::format("it waits to go on with operation '{}'",
                                 plan_.program->operations[stage.operation].operation->kernel.name);
  for (const std::uint32_t m : stage.awaits) text += ", " + plan_.describe(NodeId{plan_.messages[m].node});
  return text;
}

void DeviceDataflow::run() {
  last_done_ = ticks();
  while (!finished()) {
    bool progress = look_at_device();
    progress |= look_at_messages();
    for (std::size_t i = ready_.size(); i-- > 0;) {
      const std::uint32_t s = ready_.front();
      ready_.pop_front();
      if (may_run(s)) {
        run_stage(s);
        progress = true;
      } else {
        ready_.push_back(s);
      }
    }
    if (progress) {
      progress_.fetch_add(1, std::memory_order_relaxed);
      end_wait();
    } else {
      wait();
    }
  }
  end_wait();
}

bool DeviceDataflow::finished() const {
  if (!flying_.empty()) return false;
  const std::int64_t limit = gate_.limit();
  for (const Moving& m : moving_)
    if (m.step < limit) return false;
  for (std::uint32_t m = 0; m < is_there_.size(); ++m)
    if (plan_.messages[m].spec.sending && !is_there_[m]) return false;
  return true;
}

bool DeviceDataflow::may_run(std::uint32_t s) const {
  const Moving& m = moving_[s];
  if (m.step >= gate_.open()) return false;
  return !is_device(s) || device_.has_happened(m.events[m.issued % ahead]);
}

void DeviceDataflow::run_stage(std::uint32_t s) {
  const Stage& stage = schedule_.stages[s];
  Moving& m = moving_[s];
  const std::int64_t step = m.step;
  m.counter = m.in_degree;
  m.step += copies_;
  for (const std::uint32_t message : stage.awaits) is_there_[message] = false;
  switch (stage.kind) {
    case Stage::Kind::device:
      return put(s, step);
    case Stage::Kind::perform:
      perform_nodes(stage, step);
      break;
    case Stage::Kind::start:
      for (const std::uint32_t message : stage.nodes) {
        stages_.before_start(message);
        start(message);
      }
      break;
  }
  for (const Edge& e : m.next) count_down(e.to.value);
}

void DeviceDataflow::put(std::uint32_t s, std::int64_t step) {
  Moving& m = moving_[s];
  const StreamId stream = stream_of(s);
  stages_.prepare(s);
  for (const std::uint32_t u : m.before)
    if (moving_[u].issued > 0) device_.wait(stream, moving_[u].events[(moving_[u].issued - 1) % ahead]);
  stages_.put(s, stream);
  const EventId event = m.events[m.issued++ % ahead];
  device_.record(event, stream);
  flying_.push_back({s, event, ticks(), step});
  for (const Edge& e : m.next)
    if (is_device(e.to.value)) count_down(e.to.value);
}

void DeviceDataflow::perform_nodes(const Stage& stage, std::int64_t step) {
  const std::uint64_t begin = ticks();
  const auto count = static_cast<std::int64_t>(stage.nodes.size());
  std::exception_ptr thrown;
  std::uint32_t failed = 0;
#pragma omp parallel for num_threads(plan_.workers) schedule(static) if (count > 1)
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t n = stage.nodes[static_cast<std::size_t>(i)];
    PlanNode& node = plan_.nodes[n];
    node.task.step = step;
    try {
      const WorkerId worker{static_cast<std::uint32_t>(omp_get_thread_num())};
      const bool stop = perform(plan_, node, worker);
      if (node.kind == NodeKind::decide) gate_.decide(node, step, stop);
    } catch (...) {
#pragma omp critical(tutti_device_failure)
      {
        thrown = std::current_exception();
        failed = n;
      }
    }
  }
  if (thrown) rethrow_from(plan_, NodeId{failed}, step, thrown);
  const PlanNode& first = plan_.nodes[stage.nodes.front()];
  if (first.kind == NodeKind::send || first.kind == NodeKind::receive) start(first.payload);
  const std::uint64_t now = ticks();
  WorkerTime& time = profile_.workers[0];
  (Meter::is_communication(first.kind) ? time.communication : time.useful) += now - begin;
  note_times(stage.nodes, begin, now, step);
}

void DeviceDataflow::note_times(const std::vector<std::uint32_t>& nodes, std::uint64_t begin,
                                std::uint64_t now, std::int64_t step) {
  for (const std::uint32_t n : nodes) {
    profile_.nodes[n].ticks += (now - begin) / nodes.size();
    ++profile_.nodes[n].samples;
  }
  if (trace_) trace_->push({begin, now, step, nodes.front(), graph_, TraceEvent::Kind::node});
}

void DeviceDataflow::count_down(std::uint32_t s) {
  if (--moving_[s].counter == 0) ready_.push_back(s);
}

bool DeviceDataflow::look_at_device() {
  bool any = false;
  for (std::size_t i = 0; i < flying_.size();) {
    const Flying f = flying_[i];
    if (!device_.has_happened(f.event)) {
      ++i;
      continue;
    }
    any = true;
    flying_.erase(flying_.begin() + static_cast<std::ptrdiff_t>(i));
    stages_.finish(f.stage);
    const std::uint64_t now = ticks();
    for (const DeviceAction& a : schedule_.stages[f.stage].actions)
      if (a.kind == DeviceAction::Kind::launch)
        note_times(a.nodes, std::max(f.begin, last_done_), now, f.step);
    last_done_ = now;
    for (const Edge& e : moving_[f.stage].next)
      if (!is_device(e.to.value)) count_down(e.to.value);
  }
  return any;
}

bool DeviceDataflow::look_at_messages() {
  if (plan_.messages.empty()) return false;
  done_.clear();
  messages_.progress(done_);
  for (const std::uint32_t m : done_) complete(m);
  return !done_.empty();
}

void DeviceDataflow::start(std::uint32_t message) {
  if (messages_.start(message)) complete(message);
}

void DeviceDataflow::complete(std::uint32_t message) {
  is_there_[message] = true;
  count_down(awaiting_[message]);
}

// While the device computes it is not idle time.
void DeviceDataflow::wait() {
  if (wait_begin_ == 0) wait_begin_ = ticks();
  waits_for_.store(flying_.empty() ? next_awaiting() : none, std::memory_order_relaxed);
  give_way(oversubscribed_);
}

void DeviceDataflow::end_wait() {
  if (wait_begin_ == 0) return;
  const std::uint64_t took = ticks() - wait_begin_;
  (waits_for_.load(std::memory_order_relaxed) == none ? profile_.workers[0].useful
                                                      : profile_.workers[0].idle) += took;
  wait_begin_ = 0;
}

std::uint32_t DeviceDataflow::next_awaiting() const {
  std::uint32_t best = 0;
  for (std::uint32_t s = 1; s < moving_.size(); ++s)
    if (moving_[s].step < moving_[best].step) best = s;
  return best;
}

}  // namespace tutti
