// What the device does beside kernels: copies of many short rows, gathers, and counting steps.
#pragma once

#include <cstdint>

#include <cuda_runtime_api.h>

#include "runtime/device/device.hpp"

namespace tutti::gpu {

/// Loads the kernels of this header: see load_kernel.
void load_device_kernels();
/// By a kernel. Host memory must be pinned (the device reads and writes it over the bus).
void copy_rows(const StridedCopy& copy, cudaStream_t stream);
/// As Device::gather.
void gather(const std::byte* from, const std::uint32_t* positions, std::uint64_t count,
            std::uint32_t element_bytes, std::byte* to, cudaStream_t stream);
/// *where += by
void add_to(std::int64_t* where, std::int64_t by, cudaStream_t stream);

}  // namespace tutti::gpu
