// Device arrays for measurements: fields and vectors as stores lay them out, without a copy on the host.
#pragma once

#include <cstdint>
#include <vector>

#include "gpu/check/measure.hpp"
#include "runtime/data/box.hpp"

namespace tutti::gpu_check {

/// Zeros on the device; freed at its end.
class DeviceBytes {
 public:
  DeviceBytes(Measurement& m, std::uint64_t bytes);
  ~DeviceBytes() { device_.free(data_); }
  DeviceBytes(const DeviceBytes&) = delete;
  DeviceBytes& operator=(const DeviceBytes&) = delete;
  std::byte* data() const { return data_; }

 private:
  Device& device_;
  std::byte* data_;
};

/// Doubles with `ghosts` on all sides of the box; rows start at multiples of 64 bytes.
class DeviceField {
 public:
  DeviceField(Measurement& m, const Index3& extents, std::int64_t ghosts);
  Argument argument() const { return argument_; }

 private:
  std::int64_t before_, stride1_, stride0_;
  DeviceBytes bytes_;
  Argument argument_;
};

/// A launch of one part on these arguments.
DeviceLaunch one_part(const Kernel& kernel, const std::vector<Argument>& arguments, void* result = nullptr);

}  // namespace tutti::gpu_check
