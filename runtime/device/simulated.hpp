// A device for tests, on machines that have none: it behaves like one where that can go wrong.
//
// Its memory is in an address space of its own: reading a device address on the host ends the program, and
// a kernel or a copy that is given a host address where it needs one of the device fails. Memory holds no
// useful values (NaNs) until it is written. Work is done later by a thread of the device, streams take turns
// at random, and now and then one of them is left waiting for long: only events bring order between streams.
//
// Kernels are the host's bodies on views of the device's memory, so results have the host's bits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "runtime/device/device.hpp"
#include "runtime/device/split_memory.hpp"

namespace tutti {

struct SimulatedOptions {
  std::uint64_t capacity_bytes = std::uint64_t{8} << 30;
  std::uint64_t seed = 1;  ///< of the order and the delays
  /// Kernels for which it returns false have no body on this device. Empty: all have one.
  std::function<bool(const Kernel&)> has_body{};
  /// What a transport finds at a device address: nothing that it may touch (unaware), the device's bytes
  /// (aware), or other bytes than the device (wrong).
  HostView host_view = HostView::unaware;
  std::uint64_t devices = 1;  ///< of this machine, with so much memory each
  bool has_loops = true;      ///< Device::has_loops

  /// What `--device simulated` takes, unless TUTTI_SIMULATED_MEMORY (bytes), TUTTI_SIMULATED_SEED,
  /// TUTTI_SIMULATED_MPI (unaware, aware, wrong), TUTTI_SIMULATED_DEVICES or TUTTI_SIMULATED_LOOPS (yes, no)
  /// are set. Tests may change it while there is no runtime.
  static SimulatedOptions& defaults();
  /// The defaults and these variables. Throws Error(usage).
  static SimulatedOptions from_environment();
};

std::shared_ptr<Device> make_simulated_device(const DeviceShare& share, const SimulatedOptions& options);

}  // namespace tutti
