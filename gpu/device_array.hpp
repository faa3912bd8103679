// Arrays in device memory that belong to a prepared launch. Made and ended outside replay.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <cuda_runtime_api.h>

#include "gpu/cuda_check.hpp"
#include "runtime/device/device.hpp"

namespace tutti::gpu {

/// Taken from the device's memory, which counts it. The work that uses it is done when it ends.
template <class T>
class DeviceArray {
 public:
  DeviceArray() = default;
  /// Undefined until written. Throws as Device::allocate, naming `what`.
  DeviceArray(Device& device, std::size_t size, const std::string& what) : device_(&device), size_(size) {
    if (size > 0) data_ = reinterpret_cast<T*>(device.allocate(size * sizeof(T), what));
  }
  /// A copy of `from`; waits for it. From pageable memory cudaMemcpy may return before the data has arrived,
  /// and kernels on non-blocking streams do not wait for the default stream.
  DeviceArray(Device& device, const std::vector<T>& from, const std::string& what)
      : DeviceArray(device, from.size(), what) {
    if (size_ == 0) return;
    check(cudaMemcpy(data_, from.data(), size_ * sizeof(T), cudaMemcpyHostToDevice),
          "copying a launch's tables to the device");
    check(cudaStreamSynchronize(cudaStreamLegacy), "copying a launch's tables to the device");
  }
  DeviceArray(DeviceArray&& o) noexcept
      : device_(o.device_), data_(std::exchange(o.data_, nullptr)), size_(std::exchange(o.size_, 0)) {}
  DeviceArray& operator=(DeviceArray&& o) noexcept {
    std::swap(device_, o.device_);
    std::swap(data_, o.data_);
    std::swap(size_, o.size_);
    return *this;
  }
  ~DeviceArray() {
    if (data_ != nullptr) device_->free(reinterpret_cast<std::byte*>(data_));
  }

  T* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  Device* device_ = nullptr;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// `count` values from device memory; waits for them.
template <class T>
std::vector<T> from_device(const T* from, std::size_t count) {
  std::vector<T> to(count);
  if (count > 0)
    check(cudaMemcpy(to.data(), from, count * sizeof(T), cudaMemcpyDeviceToHost), "reading device memory");
  return to;
}

}  // namespace tutti::gpu
