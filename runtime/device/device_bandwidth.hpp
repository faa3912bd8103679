// Memory bandwidth of a device: the bound of kernels that stream their fields.
#pragma once

#include "runtime/comm/transport.hpp"
#include "runtime/device/device.hpp"

namespace tutti {

/// What copying on the devices moves, bytes read plus written per second, by all ranks together: the
/// median of 5 times 4 copies of arrays so large that they take a millisecond, 1 GiB at most. Collective.
/// Throws Error(environment).
double all_device_copy_bytes_per_s(Transport& transport, Device& device);

}  // namespace tutti
