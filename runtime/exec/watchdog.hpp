// Ends a replay that makes no progress, with a word on what it waits for.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/exec/executor.hpp"

namespace tutti {

/// A thread that sleeps most of the time. While a run is watched it looks at the executor's progress count a
/// few times per limit; if that stands still for `limit_s`, it calls `expired` with an explanation.
class Watchdog {
 public:
  /// Starts watching at construction and ends at destruction; does nothing if `watchdog` is null.
  class Watch {
   public:
    Watch(Watchdog* watchdog, const std::string& graph, const Executor& executor);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    Watchdog* watchdog_;
  };

  Watchdog(double limit_s, std::function<void(const std::string&)> expired);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void loop();

  double limit_s_;
  std::function<void(const std::string&)> expired_;
  std::mutex mutex_;
  std::condition_variable changed_;
  const Executor* executor_ = nullptr;
  std::string graph_;
  std::uint64_t run_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace tutti
