// The executor of ranks that compute on a device.
#pragma once

#include <memory>

#include "runtime/exec/device_stages.hpp"
#include "runtime/exec/executor.hpp"

namespace tutti {

/// Replays a plan on a device, as `schedule` says; `stages` are those of the same schedule and plan.
std::unique_ptr<Executor> make_device_executor(const ExecutorContext& context, DeviceSchedule schedule,
                                               std::unique_ptr<DeviceStages> stages,
                                               std::shared_ptr<DeviceContext> device);

}  // namespace tutti
