// Kernels are loaded when a launch is prepared, not by their first launch: loading may wait for the whole
// device, and the first launch may be part of a capture.
#pragma once

#include <string>

#include "gpu/cuda_check.hpp"

namespace tutti::gpu {

/// Throws Error(environment) if this build has no code of the kernel for the current device.
template <class Kernel>
void load_kernel(Kernel* kernel, const std::string& name) {
  cudaFuncAttributes attributes;
  const cudaError_t status = cudaFuncGetAttributes(&attributes, kernel);
  if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction)
    throw Error(Status::environment, "CUDA: this build has no code of kernel '" + name +
                                         "' for this device; build with --cuda-architectures");
  if (status != cudaSuccess) check(status, ("loading kernel '" + name + "'").c_str());
}

}  // namespace tutti::gpu
