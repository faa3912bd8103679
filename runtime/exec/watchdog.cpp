#include "runtime/exec/watchdog.hpp"

#include <chrono>

#include <fmt/format.h>

namespace tutti {

Watchdog::Watchdog(double limit_s, std::function<void(const std::string&)> expired)
    : limit_s_(limit_s), expired_(std::move(expired)), thread_([this] { loop(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

// No notification: a run may last microseconds, and the thread looks often enough by itself.
Watchdog::Watch::Watch(Watchdog* watchdog, const std::string& graph, const Executor& executor)
    : watchdog_(watchdog) {
  if (!watchdog_) return;
  const std::lock_guard lock(watchdog_->mutex_);
  watchdog_->executor_ = &executor;
  watchdog_->graph_ = graph;
  ++watchdog_->run_;
}

Watchdog::Watch::~Watch() {
  if (!watchdog_) return;
  const std::lock_guard lock(watchdog_->mutex_);
  watchdog_->executor_ = nullptr;
}

void Watchdog::loop() {
  using Clock = std::chrono::steady_clock;
  std::uint64_t seen_run = 0;
  std::uint64_t seen_count = 0;
  Clock::time_point since = Clock::now();
  std::unique_lock lock(mutex_);
  while (!ending_) {
    changed_.wait_for(lock, std::chrono::duration<double>(limit_s_ / 8));
    if (!executor_) continue;
    const std::uint64_t count = executor_->progress_count();
    if (run_ != seen_run || count != seen_count) {
      seen_run = run_;
      seen_count = count;
      since = Clock::now();
    } else if (std::chrono::duration<double>(Clock::now() - since).count() >= limit_s_) {
      expired_(
          fmt::format("no progress for {:g} s in graph '{}': {}", limit_s_, graph_, executor_->explain()));
      since = Clock::now();
    }
  }
}

}  // namespace tutti
