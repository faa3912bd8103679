// The tasks schedule: segments of a run, each in the order that suits it. See executor.hpp for the idea and
// README.md for the rules.
#include <cstring>

#include <omp.h>

#include "runtime/exec/fixed_order.hpp"
#include "runtime/exec/free_order.hpp"
#include "runtime/exec/order_choice.hpp"
#include "runtime/exec/single_order.hpp"
#include "runtime/exec/team.hpp"
#include "runtime/insight/clock.hpp"

namespace tutti {
namespace {

class TaskExecutor : public Executor {
 public:
  explicit TaskExecutor(const ExecutorContext& c)
      : team_(c),
        free_(team_),
        fixed_(team_, c.profile),
        single_(team_),
        choice_(team_, c.profile, c.order),
        profile_(c.profile) {}

  void enter(std::uint32_t copy, std::int64_t step) override {
    copy_ = copy;
    step_ = step;
    order_ = nullptr;
  }

  void execute() override {
    StepGate& gate = team_.gate;
    auto segment = choice_.first(step_);
    while (step_ < gate.limit()) {
      replay_in(order_named(segment.order));
      gate.hold_at(segment.until);
      const std::uint64_t begin = ticks();
      run_to_goal();
      if (segment.order == Order::single) profile_.single += ticks() - begin;
      segment = choice_.next(step_);
    }
  }

  std::uint64_t progress_count() const override {
    std::uint64_t sum = 0;
    for (const auto& w : team_.workers) sum += w->retired.load(std::memory_order_relaxed);
    return sum + static_cast<std::uint64_t>(team_.gate.open());
  }

  std::string explain() const override { return team_.parts.explain(team_.plan); }

 private:
  ReplayOrder& order_named(Order name) {
    if (name == Order::fixed) return fixed_;
    if (name == Order::single) return single_;
    return free_;
  }

  void replay_in(ReplayOrder& order) {
    if (order_ != &order) order.enter(copy_, step_);
    order_ = &order;
  }

  void run_to_goal() {
    for (auto& w : team_.workers) w->begin_run();
    // what the reading workers have for themselves may have been changed between runs
    for (const Carry& c : team_.parts.carries) std::memcpy(c.to, c.from, c.bytes);
    bool team_is_wrong = false;
#pragma omp parallel num_threads(team_.plan.workers) if (team_.plan.workers > 1)
    {
      const auto id = static_cast<std::uint32_t>(omp_get_thread_num());
      if (static_cast<std::uint32_t>(omp_get_num_threads()) != team_.plan.workers) {
#pragma omp single
        team_is_wrong = true;
      } else {
        Worker& w = *team_.workers[id];
        work(w);
#pragma omp barrier
        order_->settle(w);
      }
    }
    if (team_is_wrong) wrong_team(team_.plan.workers);
    team_.rethrow();
    team_.finish_sends([&](std::uint32_t n) { order_->take_token(*team_.workers[0], n); });
    const std::int64_t goal = team_.gate.goal();
    copy_ = static_cast<std::uint32_t>((copy_ + goal - step_) % team_.plan.copies_per_cycle());
    step_ = goal;
  }

  void work(Worker& w) {
    w.meter.start_run();
    w.idle = 0;
    order_->work(w, copy_, step_);
    w.meter.end_run();
    if (w.polls) team_.waiting.stop_polling(w);
    team_.parking.wake_all();
  }

  Team team_;
  FreeOrder free_;
  FixedOrder fixed_;
  SingleOrder single_;
  OrderChoice choice_;
  Profile& profile_;
  ReplayOrder* order_ = nullptr;  ///< of the last steps
  std::uint32_t copy_ = 0;        ///< of step_
  std::int64_t step_ = 0;         ///< the next one
};

}  // namespace

std::unique_ptr<Executor> make_task_executor(const ExecutorContext& context) {
  return std::make_unique<TaskExecutor>(context);
}

}  // namespace tutti
