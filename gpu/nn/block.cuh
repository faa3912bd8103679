// A block of threads of the device: see block.hpp.
#pragma once

#include <cstdint>

#include "gpu/nn/block.hpp"

namespace tutti::gpu {

template <std::uint32_t threads>
struct CudaBlock {
  static constexpr std::uint32_t count = threads;

  template <class T>
  struct Private {
    T value;
    __device__ __forceinline__ T& operator[](std::uint32_t) { return value; }
  };

  template <class F>
  __device__ __forceinline__ void each(const F& f) const {
    f(threadIdx.x);
    __syncthreads();
  }
  template <class F>
  __device__ __forceinline__ void each_alone(const F& f) const {
    f(threadIdx.x);
  }
  template <std::uint32_t width, class T>
  __device__ __forceinline__ void sum(Private<T>& v) const {
#pragma unroll
    for (std::uint32_t half = width / 2; half > 0; half /= 2)
      v.value += __shfl_xor_sync(0xffffffffU, v.value, half);
  }
  template <std::uint32_t width, class T>
  __device__ __forceinline__ void greatest(Private<T>& v) const {
#pragma unroll
    for (std::uint32_t half = width / 2; half > 0; half /= 2) {
      const T other = __shfl_xor_sync(0xffffffffU, v.value, half);
      v.value = other > v.value ? other : v.value;
    }
  }
  __device__ __forceinline__ void sum_up_to(Private<std::uint32_t>& v) const {
#pragma unroll
    for (std::uint32_t by = 1; by < 32; by *= 2) {
      const std::uint32_t other = __shfl_up_sync(0xffffffffU, v.value, by);
      if (threadIdx.x % 32 >= by) v.value += other;
    }
  }
};

}  // namespace tutti::gpu
