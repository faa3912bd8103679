// Arrays in device memory that belong to a prepared launch. Made and ended outside replay.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <cuda_runtime_api.h>

#include "gpu/cuda_check.hpp"
#include "runtime/device/device.hpp"

namespace tutti::gpu {

/// The device that is preparing a launch in this thread; null: none is.
Device* preparing_device();

/// Taken from the memory of the device that prepares a launch, which counts it; outside of that, from CUDA.
template <class T>
class DeviceArray {
 public:
  DeviceArray() = default;
  /// Undefined until written. Throws Error(environment) if there is not enough memory.
  explicit DeviceArray(std::size_t size) : size_(size) {
    if (size == 0) return;
    if (device_ != nullptr)
      data_ = reinterpret_cast<T*>(device_->allocate(size * sizeof(T), "a launch"));
    else
      check(cudaMalloc(reinterpret_cast<void**>(&data_), size * sizeof(T)), "allocating an array");
  }
  /// A copy of `from`; waits for it. From pageable memory cudaMemcpy may return before the data has arrived,
  /// and kernels on non-blocking streams do not wait for the default stream.
  explicit DeviceArray(const std::vector<T>& from) : DeviceArray(from.size()) {
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
    if (device_ != nullptr)
      device_->free(reinterpret_cast<std::byte*>(data_));
    else
      cudaFree(data_);
  }

  T* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  Device* device_ = preparing_device();
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
