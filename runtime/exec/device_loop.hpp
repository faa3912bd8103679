// The steps of a plan as a loop on the device, where stop_when is decided, too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "runtime/device/step_loop.hpp"
#include "runtime/exec/device_stages.hpp"

namespace tutti {

/// For schedules that are the device's alone and decide there. It is launched for some steps at a time, ahead
/// of what the device has done, so that the host sees progress and the device need not wait for it; after a
/// stop_when a launch does nothing.
class DeviceLoop {
 public:
  /// All of it outlives the loop.
  DeviceLoop(const Plan& plan, const DeviceSchedule& schedule, DeviceStages& stages, DeviceContext& context);

  /// Does the steps from `first`, which is copy `copy` of the cycle, to `limit` or to where a stop_when ends
  /// them; returns one past the last step. Calls `wait` while it waits, and `progress` when steps were done.
  std::int64_t run(std::int64_t first, std::uint32_t copy, std::int64_t limit,
                   const std::function<void()>& wait, const std::function<void()>& progress);

 private:
  /// One of the launches that may be on the stream.
  struct Launch {
    EventId event;
    StepLoop* seen;  ///< pinned: how far it came
  };
  void record_pieces(const Plan& plan, const DeviceSchedule& schedule, DeviceStages& stages);
  std::unique_ptr<PreparedLaunch> prepare(Kernel kernel, std::vector<Argument> arguments);
  Argument loop_argument() const;
  void copy(const StepLoop* from, StepLoop* to, Direction direction);
  void put(const Launch& launch);
  void count(std::int64_t first, std::int64_t end, std::uint32_t copy);

  DeviceContext& context_;
  Device& device_;
  std::int64_t copies_;
  DeviceBuffer memory_;  // a StepLoop
  DeviceBuffer lags_;    // of all stop_when, in the order of operations
  std::unique_ptr<PinnedBuffer> pinned_;
  std::vector<Launch> launches_;
  std::unique_ptr<PreparedLaunch> resume_;
  std::vector<std::unique_ptr<PreparedLaunch>> ends_;  // of steps; by copy
  std::vector<std::unique_ptr<DeviceGraph>> pieces_;   // by copy
  std::unique_ptr<DeviceGraph> loop_;
};

}  // namespace tutti
