// The tasks schedule: segments of a run, each in the order that suits it. See executor.hpp for the idea and
// README.md for the rules.
#include <atomic>
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
        fixed_(team_),
        single_(team_),
        choice_(team_, c.profile, c.order),
        profile_(c.profile) {}

  void enter(std::uint32_t copy, std::int64_t step) override {
    copy_ = copy;
    step_ = step;
    order_ = nullptr;
  }

  void execute() override {
    if (step_ >= team_.gate.limit()) return;
    // what the reading workers have for themselves may have been changed between runs
    for (const Carry& c : team_.parts.carries) std::memcpy(c.to, c.from, c.bytes);
    begin_segment(choice_.first(step_));
    bool team_is_wrong = false;
#pragma omp parallel num_threads(team_.plan.workers) if (team_.plan.workers > 1)
    {
      const auto id = static_cast<std::uint32_t>(omp_get_thread_num());
      if (static_cast<std::uint32_t>(omp_get_num_threads()) != team_.plan.workers) {
#pragma omp single
        team_is_wrong = true;
      } else {
        replay(*team_.workers[id]);
      }
    }
    if (team_is_wrong) wrong_team(team_.plan.workers);
    team_.rethrow();
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

  void replay(Worker& w) {
    w.meter.start_run();
    do {
      w.idle = 0;
      order_->work(w, copy_, step_);
      w.meter.busy();
      if (w.polls) team_.waiting.stop_polling(w);
      team_.parking.wake_all();
    } while (w.id == 0 ? lead(w) : follow(w));
    w.meter.end_run();
  }

  // Between segments all workers meet, and the first one decides how to go on. False if the run is over.
  bool lead(Worker& w) {
    const std::uint32_t others = team_.plan.workers - 1;
    team_.waiting.await(w, [&] { return arrived_.load(std::memory_order_acquire) == others; });
    arrived_.store(0, std::memory_order_relaxed);
    try {
      goes_on_ = !team_.failed() && end_segment();
    } catch (...) {
      team_.fail(none);
      goes_on_ = false;
    }
    segments_.fetch_add(1, std::memory_order_release);
    team_.parking.wake_all();
    return goes_on_;
  }
  bool follow(Worker& w) {
    const std::uint32_t before = segments_.load(std::memory_order_relaxed);  // changes when all have arrived
    arrived_.fetch_add(1, std::memory_order_release);
    team_.parking.wake(WorkerId{0});
    team_.waiting.await(w, [&] { return segments_.load(std::memory_order_acquire) != before; });
    return goes_on_;
  }

  // By one thread, while the others wait or have not begun:
  void begin_segment(OrderChoice::Segment segment) {
    ReplayOrder& order = order_named(segment.order);
    if (order_ != &order) order.enter(copy_, step_);
    order_ = &order;
    team_.gate.hold_at(segment.until);
    for (auto& w : team_.workers) w->begin_run();
    begin_ticks_ = ticks();
  }
  bool end_segment() {
    const std::uint64_t took = ticks() - begin_ticks_;
    if (order_ == &single_) profile_.single += took;
    for (auto& w : team_.workers) order_->settle(*w);
    team_.finish_sends([&](std::uint32_t n) { order_->take_token(*team_.workers[0], n); });
    const std::int64_t goal = team_.gate.goal();
    copy_ = static_cast<std::uint32_t>((copy_ + goal - step_) % team_.plan.copies_per_cycle());
    step_ = goal;
    const auto segment = choice_.next(step_, static_cast<double>(took) * seconds_per_tick());
    if (step_ >= team_.gate.limit()) return false;
    begin_segment(segment);
    return true;
  }

  Team team_;
  FreeOrder free_;
  FixedOrder fixed_;
  SingleOrder single_;
  OrderChoice choice_;
  Profile& profile_;
  ReplayOrder* order_ = nullptr;  // of the segment, or of the last steps
  std::uint32_t copy_ = 0;        // of step_
  std::int64_t step_ = 0;         // the first of the segment, or the next one
  std::uint64_t begin_ticks_ = 0;

  // where workers meet
  alignas(cache_line_size_bytes) std::atomic<std::uint32_t> arrived_{0};
  alignas(cache_line_size_bytes) std::atomic<std::uint32_t> segments_{0};  // that are over
  bool goes_on_ = false;
};

}  // namespace

std::unique_ptr<Executor> make_task_executor(const ExecutorContext& context) {
  return std::make_unique<TaskExecutor>(context);
}

}  // namespace tutti
