// A rank that computes on a device: values between runs, and how its steps are put there. Where the host has
// nothing to do in a cycle, several cycles are one graph; where the device decides when to stop, the cycles
// are a loop there; else its stages are replayed as dataflow.
#include "runtime/exec/device.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "runtime/exec/device_dataflow.hpp"
#include "runtime/exec/device_loop.hpp"

namespace tutti {
namespace {

constexpr std::uint32_t ahead = 4;           // graphs on the stream
constexpr std::uint32_t steps_at_once = 16;  // steps in one graph, about

class DeviceExecutor : public Executor {
 public:
  DeviceExecutor(const ExecutorContext& c, DeviceSchedule schedule, std::unique_ptr<DeviceStages> stages,
                 std::shared_ptr<DeviceContext> context)
      : plan_(c.plan),
        gate_(c.gate),
        oversubscribed_(c.oversubscribed),
        profile_(c.profile),
        meter_(c.profile, 0, c.trace, c.graph),
        trace_(c.trace ? &c.trace->ring(0) : nullptr),
        graph_(c.graph),
        schedule_(std::move(schedule)),
        context_(std::move(context)),
        device_(*context_->device),
        stages_(std::move(stages)),
        copies_(plan_.copies_per_cycle()) {
    if (schedule_.decides)
      loop_ = std::make_unique<DeviceLoop>(plan_, schedule_, *stages_, *context_);
    else if (!schedule_.device_alone())
      dataflow_ = std::make_unique<DeviceDataflow>(c, schedule_, *stages_, *context_);
    for (EventId& e : cycle_events_) e = device_.make_event();
  }

  void enter(std::uint32_t copy, std::int64_t step) override {
    copy_ = copy;
    step_ = step;
    for (std::uint32_t s = 0; s < schedule_.stages.size(); ++s)
      stages_->set_step(s, step + (std::int64_t{schedule_.stages[s].copy} - copy + copies_) % copies_);
    if (dataflow_) dataflow_->enter(copy, step);
  }

  void execute() override {
    if (gate_.limit() == step_) return;
    const std::uint64_t begin = ticks();
    meter_.start_run();
    bring_values();
    if (loop_)
      run_loop();
    else if (dataflow_)
      dataflow_->run();
    else
      run_alone();
    device_.synchronize();
    meter_.end_run();
    note_values();
    for (std::size_t w = 1; w < profile_.workers.size(); ++w) profile_.workers[w].idle += ticks() - begin;
  }

  std::uint64_t progress_count() const override {
    return dataflow_ ? dataflow_->progress_count() : progress_.load(std::memory_order_relaxed);
  }
  std::string explain() const override {
    return dataflow_ ? dataflow_->explain() : "it waits for the device";
  }

 private:
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
    const std::uint64_t begin = ticks();
    std::int64_t step = step_;
    for (std::uint64_t i = 0; step < limit; ++i) {
      const auto copy = static_cast<std::uint32_t>((copy_ + (step - step_)) % copies_);
      const EventId event = cycle_events_[i % ahead];
      while (!device_.has_happened(event)) give_way(oversubscribed_);
      const bool whole = copy == 0 && limit - step >= cycles * copies_ && can_capture_all();
      const std::int64_t steps = whole ? cycles * copies_ : 1;
      if (whole)
        launch_cycles(cycles);
      else
        put_copy(copy);
      device_.record(event, context_->compute);
      step += steps;
      progress_.fetch_add(1, std::memory_order_relaxed);
    }
    for (const EventId e : cycle_events_)
      while (!device_.has_happened(e)) give_way(oversubscribed_);
    const std::uint64_t now = ticks();
    profile_.workers[0].useful += now - begin;
    share_time(step_, limit, begin, now);
  }

  void run_loop() {
    const std::uint64_t begin = ticks();
    const std::int64_t end = loop_->run(
        step_, copy_, gate_.limit(), [&] { give_way(oversubscribed_); },
        [&] { progress_.fetch_add(1, std::memory_order_relaxed); });
    gate_.end_at(end);
    const std::uint64_t now = ticks();
    profile_.workers[0].useful += now - begin;
    share_time(step_, end, begin, now);
  }

  // Nobody looked at single kernels: each gets the same part of the time per cell.
  void share_time(std::int64_t first, std::int64_t limit, std::uint64_t begin, std::uint64_t end) {
    const std::int64_t steps = limit - first;
    double cells = 0;
    for (const PlanNode& n : plan_.nodes) cells += static_cast<double>(n.task.box.size());
    if (cells == 0 || steps == 0) return;
    const double per_cell =
        static_cast<double>(end - begin) * static_cast<double>(copies_) / static_cast<double>(steps) / cells;
    for (std::size_t n = 0; n < plan_.nodes.size(); ++n) {
      profile_.nodes[n].ticks +=
          static_cast<std::uint64_t>(per_cell * static_cast<double>(plan_.nodes[n].task.box.size()));
      ++profile_.nodes[n].samples;
    }
    if (trace_ && !plan_.nodes.empty()) trace_->push({begin, end, first, 0, graph_, TraceEvent::Kind::node});
  }

  bool can_capture_all() const {
    for (std::uint32_t s = 0; s < schedule_.stages.size(); ++s)
      if (!stages_->can_be_captured(s)) return false;
    return true;
  }

  void put_copy(std::uint32_t copy) {
    for (std::uint32_t s = 0; s < schedule_.stages.size(); ++s)
      if (schedule_.stages[s].copy == copy) {
        stages_->prepare(s);
        stages_->put(s, context_->compute);
      }
  }

  void launch_cycles(std::int64_t cycles) {
    if (!cycles_graph_) {
      device_.begin_capture(context_->compute);
      for (std::int64_t i = 0; i < cycles; ++i)
        for (std::uint32_t s = 0; s < schedule_.stages.size(); ++s)
          stages_->put_operations(s, context_->compute);
      cycles_graph_ = device_.end_capture(context_->compute);
    }
    device_.launch(*cycles_graph_, context_->compute);
  }

  Plan& plan_;
  StepGate& gate_;
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
  std::unique_ptr<DeviceGraph> cycles_graph_;
  std::unique_ptr<DeviceLoop> loop_;          // where the device decides when to stop
  std::unique_ptr<DeviceDataflow> dataflow_;  // where it needs the host, or others
  EventId cycle_events_[ahead];
  std::uint32_t copy_ = 0;
  std::int64_t step_ = 0;
  std::atomic<std::uint64_t> progress_{0};
};

}  // namespace

std::unique_ptr<Executor> make_device_executor(const ExecutorContext& context, DeviceSchedule schedule,
                                               std::unique_ptr<DeviceStages> stages,
                                               std::shared_ptr<DeviceContext> device) {
  return std::make_unique<DeviceExecutor>(context, std::move(schedule), std::move(stages), std::move(device));
}

}  // namespace tutti
