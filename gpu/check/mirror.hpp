// Host memory and its copy on the device: what a kernel's arguments are there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "runtime/device/device.hpp"

namespace tutti::gpu_check {

/// Arrays on the host and, for each, one on the device. Ends before its Device.
class Mirror {
 public:
  Mirror(Device& device, StreamId stream) : device_(device), stream_(stream) {}
  ~Mirror();
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  /// Allocates as much on the device and copies the array there.
  template <class T>
  void add(const std::vector<T>& host) {
    add(reinterpret_cast<const std::byte*>(host.data()), host.size() * sizeof(T));
  }
  void add(const std::byte* host, std::uint64_t bytes);
  /// Where the address is on the device; it lies in an array that was added.
  std::byte* on_device(const void* host) const;
  /// The argument with device addresses, lists and tile objects included.
  Argument on_device(const Parameter& parameter, const Argument& argument);
  /// What the array is on the device by now; waits for the stream.
  template <class T>
  std::vector<T> fetch(const std::vector<T>& host) const {
    std::vector<T> to(host.size());
    fetch(reinterpret_cast<const std::byte*>(host.data()), host.size() * sizeof(T),
          reinterpret_cast<std::byte*>(to.data()));
    return to;
  }
  /// A part for each argument list; results[p] receives the value of part p (device memory, 8 bytes each).
  DeviceLaunch launch(const Kernel& kernel, const std::vector<std::vector<Argument>>& parts,
                      const std::vector<std::uint64_t>& results);

 private:
  void fetch(const std::byte* host, std::uint64_t bytes, std::byte* to) const;

  Device& device_;
  StreamId stream_;
  struct Range {
    std::uint64_t bytes;
    std::byte* there;
  };
  std::map<const std::byte*, Range> ranges_;  // by start on the host
  std::vector<std::int64_t> step_{0};
  std::vector<std::vector<std::byte>> kept_;  // host side of lists and objects
};

}  // namespace tutti::gpu_check
