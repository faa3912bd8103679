// How messages leave a device: from its memory straight to the transport, or through pinned host memory.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "runtime/comm/transport.hpp"
#include "runtime/device/device.hpp"
#include "runtime/graph/plan.hpp"

namespace tutti {

struct MessagePath {
  bool direct = false;  ///< device addresses go to the transport; the same on all ranks
  std::string text;     ///< for reports: "device memory", "pinned host memory (why)"
};

/// Direct if the transport says that it takes device memory and then proves it: each rank sends patterns from
/// its device to its neighbour's and looks at what arrived there. A transport that does not say so is never
/// given a device address. Collective; returns within about `limit`, whatever the transport does.
MessagePath find_message_path(Transport& transport, Device& device, StreamId stream,
                              std::chrono::milliseconds limit = std::chrono::seconds(10));

/// By message: whether both its ends lie on devices. `on_device` says it of this rank's ends. Collective.
std::vector<bool> on_device_at_both_ends(const Plan& plan, const std::vector<bool>& on_device,
                                         Transport& transport);

}  // namespace tutti
