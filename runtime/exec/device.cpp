// A rank that computes on a device: one thread replays the stages of its schedule as dataflow.
//
// A stage of the device releases another one as soon as it is on its stream: streams and events keep the
// order from there, and the host runs ahead. It releases what the host does (the start of a message) when its
// event has happened. Where the host has nothing to do in a cycle, several cycles are one graph; where the
// device decides when to stop, the cycles are a loop there.
#include "runtime/exec/device.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <exception>
#include <stdexcept>

#include <omp.h>
#include <sched.h>

#include "runtime/error.hpp"
#include "runtime/exec/device_loop.hpp"
#include "runtime/exec/memory_order.hpp"

namespace tutti {
namespace {

constexpr std::uint32_t ahead = 4;           // times that a stage may be on its stream
constexpr std::uint32_t steps_at_once = 16;  // steps in one graph, about

class DeviceExecutor : public Executor {
 public:
  DeviceExecutor(const ExecutorContext& c, DeviceSchedule schedule, std::unique_ptr<DeviceStages> stages,
                 std::shared_ptr<DeviceContext> context)
      : plan_(c.plan),
        gate_(c.gate),
        messages_(c.messages),
        oversubscribed_(c.oversubscribed),
        profile_(c.profile),
        meter_(c.profile, 0, c.trace, c.graph),
        trace_(c.trace ? &c.trace->ring(0) : nullptr),
        graph_(c.graph),
        schedule_(std::move(schedule)),
        context_(std::move(context)),
        device_(*context_->device),
        stages_(std::move(stages)),
        copies_(plan_.copies_per_cycle()),
        moving_(schedule_.stages.size()),
        awaiting_(plan_.messages.size(), none),
        is_there_(plan_.messages.size()) {
    join_edges();
    for (std::uint32_t m = 0; m < is_there_.size(); ++m) is_there_[m] = plan_.messages[m].spec.sending;
    for (std::uint32_t s = 0; s < moving_.size(); ++s) {
      for (const std::uint32_t m : schedule_.stages[s].awaits) awaiting_[m] = s;
      if (is_device(s))
        for (std::uint32_t i = 0; i < ahead; ++i) moving_[s].events[i] = device_.make_event();
    }
    for (EventId& e : cycle_events_) e = device_.make_event();
    if (schedule_.decides) loop_ = std::make_unique<DeviceLoop>(plan_, schedule_, *stages_, *context_);
  }

  void enter(std::uint32_t copy, std::int64_t step) override {
    copy_ = copy;
    step_ = step;
    ready_.clear();
    for (std::uint32_t s = 0; s < moving_.size(); ++s) {
      Moving& m = moving_[s];
      const std::int64_t later = (std::int64_t{schedule_.stages[s].copy} - copy + copies_) % copies_;
      m.step = step + later;
      m.counter = 0;
      for (const std::uint32_t message : schedule_.stages[s].awaits) m.counter += is_there_[message] ? 0 : 1;
      stages_->set_step(s, m.step);
    }
    const auto fired = [&](NodeId s) { return schedule_.stages[s.index()].copy < copy ? 1 : 0; };
    for (const Edge& e : schedule_.flow.edges)
      if (fired(e.from) + e.distance - fired(e.to) == 0) ++moving_[e.to.index()].counter;
    for (std::uint32_t s = 0; s < moving_.size(); ++s)
      if (moving_[s].counter == 0) ready_.push_back(s);
  }

  void execute() override {
    if (gate_.limit() == step_) return;
    const std::uint64_t begin = ticks();
    meter_.start_run();
    bring_values();
    last_done_ = ticks();
    if (loop_)
      run_loop();
    else if (schedule_.device_alone())
      run_alone();
    else
      run_stages();
    device_.synchronize();
    meter_.end_run();
    note_values();
    for (std::size_t w = 1; w < profile_.workers.size(); ++w) profile_.workers[w].idle += ticks() - begin;
  }

  std::uint64_t progress_count() const override { return progress_.load(std::memory_order_relaxed); }
  std::string explain() const override {
    const std::uint32_t s = waits_for_.load(std::memory_order_relaxed);
    if (s == none) return "it waits for the device";
    const Stage& stage = schedule_.stages[s];
    std::string text = fmt::format("it waits to go on with operation '{}'",
                                   plan_.program->operations[stage.operation].operation->kernel.name);
    for (const std::uint32_t m : stage.awaits) text += ", " + plan_.describe(NodeId{plan_.messages[m].node});
    return text;
  }

 private:
  static constexpr std::uint32_t none = ~0U;

  struct Moving {
    std::uint32_t counter = 0;
    std::int64_t step = 0;
    std::uint64_t issued = 0;           ///< times, in all runs
    EventId events[ahead];              ///< of the last ones
    std::vector<Edge> next;             ///< edges from this stage
    std::vector<std::uint32_t> before;  ///< stages of the device on other streams that it comes after
    std::uint32_t in_degree = 0;
    bool host_follows = false;
  };
  struct Flying {
    std::uint32_t stage;
    EventId event;
    std::uint64_t begin;
    std::int64_t step;
  };

  bool is_device(std::uint32_t s) const { return schedule_.stages[s].kind == Stage::Kind::device; }
  StreamId stream_of(std::uint32_t s) const {
    return schedule_.stages[s].transfers ? context_->transfer : context_->compute;
  }

  void join_edges() {
    for (const Edge& e : schedule_.flow.edges) {
      Moving& to = moving_[e.to.index()];
      ++to.in_degree;
      moving_[e.from.index()].next.push_back(e);
      if (is_device(e.from.value) && !is_device(e.to.value)) moving_[e.from.index()].host_follows = true;
      if (is_device(e.from.value) && is_device(e.to.value) &&
          stream_of(e.from.value) != stream_of(e.to.value))
        to.before.push_back(e.from.value);
    }
    for (std::uint32_t s = 0; s < moving_.size(); ++s)
      moving_[s].in_degree += static_cast<std::uint32_t>(schedule_.stages[s].awaits.size());
  }

  // -- values between runs: where this run needs them, and where it leaves them

  DeviceStore& image(std::size_t store) { return device_store(context_, *plan_.program->stores[store]); }

  void bring_values() {
    bool copied = false;
    for (std::size_t s = 0; s < plan_.program->stores.size(); ++s) {
      Store& store = *plan_.program->stores[s];
      if (store.has_objects()) continue;
      const Sides needed = schedule_.needed[copy_][s];
      if (schedule_.used_on_device[s]) {
        DeviceStore& on = image(s);
        const bool boundary = !on.has_boundary && !store.is_scalar() && store.layout()->halo() > 0;
        if (boundary || ((needed & on_device) && !on.valid_on_device)) {
          if (!on.valid_on_host) throw std::logic_error("a store has no valid values");
          on.upload(context_->compute);
          on.has_boundary = on.valid_on_device = copied = true;
        }
      }
      if ((needed & on_host) && store.image) store.image->fetch();
    }
    if (copied) device_.synchronize();
  }

  void note_values() {
    const std::int64_t steps = gate_.limit() - step_;
    for (std::int64_t i = std::max<std::int64_t>(0, steps - 2 * copies_); i < steps; ++i)
      for (const auto& change : schedule_.changes[static_cast<std::size_t>((copy_ + i) % copies_)]) {
        Store& store = *plan_.program->stores[static_cast<std::size_t>(change.store)];
        if (!store.image) continue;
        DeviceStore& on = image(static_cast<std::size_t>(change.store));
        on.valid_on_host = (change.valid & on_host) != 0;
        on.valid_on_device = (change.valid & on_device) != 0;
      }
    copy_ = static_cast<std::uint32_t>((copy_ + steps) % copies_);
    step_ += steps;
  }

  // -- the device alone

  void run_alone() {
    const std::int64_t cycles = std::max<std::int64_t>(1, steps_at_once / copies_);
    const std::int64_t limit = gate_.limit();
    std::int64_t step = step_;
    for (std::uint64_t i = 0; step < limit; ++i) {
      const auto copy = static_cast<std::uint32_t>((copy_ + (step - step_)) % copies_);
      const EventId event = cycle_events_[i % ahead];
      const std::uint64_t begin = ticks();
      while (!device_.has_happened(event)) give_way();
      const bool whole = copy == 0 && limit - step >= cycles * copies_ && can_capture_all();
      const std::int64_t steps = whole ? cycles * copies_ : 1;
      if (whole)
        launch_cycles(cycles);
      else
        put_copy(copy);
      device_.record(event, context_->compute);
      step += steps;
      profile_.workers[0].useful += ticks() - begin;
      progress_.fetch_add(1, std::memory_order_relaxed);
    }
    const std::uint64_t begin = ticks();
    for (const EventId e : cycle_events_)
      while (!device_.has_happened(e)) give_way();
    const std::uint64_t now = ticks();
    profile_.workers[0].useful += now - begin;
    share_time(step_, limit, now - last_done_);
  }

  void run_loop() {
    const std::uint64_t begin = ticks();
    const std::int64_t end = loop_->run(
        step_, copy_, gate_.limit(), [&] { give_way(); },
        [&] { progress_.fetch_add(1, std::memory_order_relaxed); });
    gate_.end_at(end);
    const std::uint64_t now = ticks();
    profile_.workers[0].useful += now - begin;
    share_time(step_, end, now - last_done_);
  }

  // Nobody looked at single kernels: each gets the same part of the time per cell.
  void share_time(std::int64_t first, std::int64_t limit, std::uint64_t elapsed) {
    const std::int64_t steps = limit - first;
    double cells = 0;
    for (const PlanNode& n : plan_.nodes) cells += static_cast<double>(n.task.box.size());
    if (cells == 0 || steps == 0) return;
    const double per_cell =
        static_cast<double>(elapsed) * static_cast<double>(copies_) / static_cast<double>(steps) / cells;
    for (std::size_t n = 0; n < plan_.nodes.size(); ++n) {
      profile_.nodes[n].ticks +=
          static_cast<std::uint64_t>(per_cell * static_cast<double>(plan_.nodes[n].task.box.size()));
      ++profile_.nodes[n].samples;
    }
    if (trace_ && !plan_.nodes.empty())
      trace_->push({last_done_, last_done_ + elapsed, first, 0, graph_, TraceEvent::Kind::node});
  }

  bool can_capture_all() const {
    for (std::uint32_t s = 0; s < moving_.size(); ++s)
      if (!stages_->can_be_captured(s)) return false;
    return true;
  }

  void put_copy(std::uint32_t copy) {
    for (std::uint32_t s = 0; s < moving_.size(); ++s)
      if (schedule_.stages[s].copy == copy) {
        stages_->prepare(s);
        stages_->put(s, context_->compute);
      }
  }

  void launch_cycles(std::int64_t cycles) {
    if (!cycles_graph_) {
      device_.begin_capture(context_->compute);
      for (std::int64_t i = 0; i < cycles; ++i)
        for (std::uint32_t s = 0; s < moving_.size(); ++s) stages_->put_operations(s, context_->compute);
      cycles_graph_ = device_.end_capture(context_->compute);
    }
    device_.launch(*cycles_graph_, context_->compute);
  }

  // -- stages as dataflow

  void run_stages() {
    while (!finished()) {
      bool progress = look_at_device();
      progress |= look_at_messages();
      for (std::size_t i = ready_.size(); i-- > 0;) {
        const std::uint32_t s = ready_.front();
        ready_.pop_front();
        if (may_run(s)) {
          run(s);
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

  bool finished() const {
    if (!flying_.empty()) return false;
    const std::int64_t limit = gate_.limit();
    for (const Moving& m : moving_)
      if (m.step < limit) return false;
    for (std::uint32_t m = 0; m < is_there_.size(); ++m)
      if (plan_.messages[m].spec.sending && !is_there_[m]) return false;
    return true;
  }

  bool may_run(std::uint32_t s) {
    const Moving& m = moving_[s];
    if (m.step >= gate_.open()) return false;
    return !is_device(s) || device_.has_happened(m.events[m.issued % ahead]);
  }

  void run(std::uint32_t s) {
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
          stages_->before_start(message);
          start(message);
        }
        break;
    }
    for (const Edge& e : m.next) count_down(e.to.value);
  }

  void put(std::uint32_t s, std::int64_t step) {
    Moving& m = moving_[s];
    const StreamId stream = stream_of(s);
    stages_->prepare(s);
    for (const std::uint32_t u : m.before)
      if (moving_[u].issued > 0) device_.wait(stream, moving_[u].events[(moving_[u].issued - 1) % ahead]);
    stages_->put(s, stream);
    const EventId event = m.events[m.issued++ % ahead];
    device_.record(event, stream);
    flying_.push_back({s, event, ticks(), step});
    for (const Edge& e : m.next)
      if (is_device(e.to.value)) count_down(e.to.value);
  }

  void perform_nodes(const Stage& stage, std::int64_t step) {
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
    account(stage.nodes, first.kind, begin, now, step);
  }

  void account(const std::vector<std::uint32_t>& nodes, NodeKind kind, std::uint64_t begin, std::uint64_t now,
               std::int64_t step) {
    (Meter::is_communication(kind) ? profile_.workers[0].communication : profile_.workers[0].useful) +=
        now - begin;
    note_times(nodes, begin, now, step);
  }
  void note_times(const std::vector<std::uint32_t>& nodes, std::uint64_t begin, std::uint64_t now,
                  std::int64_t step) {
    for (const std::uint32_t n : nodes) {
      profile_.nodes[n].ticks += (now - begin) / nodes.size();
      ++profile_.nodes[n].samples;
    }
    if (trace_) trace_->push({begin, now, step, nodes.front(), graph_, TraceEvent::Kind::node});
  }

  void count_down(std::uint32_t s) {
    if (--moving_[s].counter == 0) ready_.push_back(s);
  }

  bool look_at_device() {
    bool any = false;
    for (std::size_t i = 0; i < flying_.size();) {
      const Flying f = flying_[i];
      if (!device_.has_happened(f.event)) {
        ++i;
        continue;
      }
      any = true;
      flying_.erase(flying_.begin() + static_cast<std::ptrdiff_t>(i));
      stages_->finish(f.stage);
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
  bool look_at_messages() {
    if (plan_.messages.empty()) return false;
    done_.clear();
    messages_.progress(done_);
    for (const std::uint32_t m : done_) complete(m);
    return !done_.empty();
  }
  void start(std::uint32_t message) {
    if (messages_.start(message)) complete(message);
  }
  void complete(std::uint32_t message) {
    is_there_[message] = true;
    count_down(awaiting_[message]);
  }

  // -- waiting

  // While the device computes it is not idle time.
  void wait() {
    if (wait_begin_ == 0) wait_begin_ = ticks();
    waits_for_.store(flying_.empty() ? next_awaiting() : none, std::memory_order_relaxed);
    give_way();
  }
  void end_wait() {
    if (wait_begin_ == 0) return;
    const std::uint64_t took = ticks() - wait_begin_;
    (waits_for_.load(std::memory_order_relaxed) == none ? profile_.workers[0].useful
                                                        : profile_.workers[0].idle) += took;
    wait_begin_ = 0;
  }
  std::uint32_t next_awaiting() const {
    std::uint32_t best = 0;
    for (std::uint32_t s = 1; s < moving_.size(); ++s)
      if (moving_[s].step < moving_[best].step) best = s;
    return best;
  }
  void give_way() const {
    if (oversubscribed_)
      sched_yield();
    else
      cpu_relax();
  }

  Plan& plan_;
  StepGate& gate_;
  Messages& messages_;
  bool oversubscribed_;
  Profile& profile_;
  Meter meter_;
  TraceRing* trace_;
  std::uint32_t graph_;
  DeviceSchedule schedule_;
  std::shared_ptr<DeviceContext> context_;
  Device& device_;
  std::unique_ptr<DeviceStages> stages_;
  std::int64_t copies_;
  std::vector<Moving> moving_;           // by stage
  std::vector<std::uint32_t> awaiting_;  // by message: the stage
  std::vector<bool> is_there_;           // by message: arrived, or its staging is free
  std::deque<std::uint32_t> ready_;
  std::vector<Flying> flying_;
  std::vector<std::uint32_t> done_;
  std::unique_ptr<DeviceGraph> cycles_graph_;
  std::unique_ptr<DeviceLoop> loop_;  // where the device decides when to stop
  EventId cycle_events_[ahead];
  std::uint32_t copy_ = 0;
  std::int64_t step_ = 0;
  std::uint64_t last_done_ = 0;
  std::uint64_t wait_begin_ = 0;
  std::atomic<std::uint64_t> progress_{0};
  std::atomic<std::uint32_t> waits_for_{none};
};

}  // namespace

std::unique_ptr<Executor> make_device_executor(const ExecutorContext& context, DeviceSchedule schedule,
                                               std::unique_ptr<DeviceStages> stages,
                                               std::shared_ptr<DeviceContext> device) {
  return std::make_unique<DeviceExecutor>(context, std::move(schedule), std::move(stages), std::move(device));
}

}  // namespace tutti
