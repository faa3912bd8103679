// Runs of the tasks schedule: one stretch after the other, each with the groups that its tasks call for.
#include <mutex>

#include "runtime/exec/tasks.hpp"

namespace tutti {
namespace {

class TaskRuns : public Executor {
 public:
  explicit TaskRuns(const ExecutorContext& c)
      : context_(c), network_(c.plan, c.messages), grouping_(c.plan, c.gate) {
    regroup();
  }

  void enter(std::uint32_t copy, std::int64_t step) override {
    copy_ = copy;
    step_ = step;
    stretch_->enter(copy, step);
  }

  void execute() override {
    const auto copies = static_cast<std::int64_t>(context_.plan.copies_per_cycle());
    int changes = 0;
    do {
      if (grouping_.wants_change()) {
        regroup();
        stretch_->enter(copy_, step_);
        ++changes;
      }
      grouping_.start(step_, changes);
      stretch_->execute();
      copy_ = static_cast<std::uint32_t>((copy_ + grouping_.limit() - step_) % copies);
      step_ = grouping_.limit();
    } while (step_ < context_.gate.limit());
  }

  std::uint64_t progress_count() const override {
    const std::lock_guard lock(changing_);
    return before_ + stretch_->progress_count();
  }
  std::string explain() const override {
    const std::lock_guard lock(changing_);
    return stretch_->explain();
  }

 private:
  void regroup() {
    const std::lock_guard lock(changing_);
    if (stretch_) before_ += stretch_->progress_count();
    stretch_ = make_stretch_executor(context_, network_, grouping_, grouping_.regroup());
  }

  ExecutorContext context_;
  Network network_;
  Grouping grouping_;
  std::uint32_t copy_ = 0;
  std::int64_t step_ = 0;
  mutable std::mutex changing_;  ///< the watchdog looks at stretch_ from its own thread
  std::unique_ptr<Executor> stretch_;
  std::uint64_t before_ = 0;  ///< progress of earlier ones
};

}  // namespace

std::unique_ptr<Executor> make_task_executor(const ExecutorContext& context) {
  return std::make_unique<TaskRuns>(context);
}

}  // namespace tutti
