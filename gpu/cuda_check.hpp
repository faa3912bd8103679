// Errors of the CUDA runtime as tutti::Error. Free of other libraries, so that the device and its checks
// build on a machine that has nothing but the toolkit.
#pragma once

#include <string>

#include <cuda_runtime_api.h>

#include "runtime/exception.hpp"

namespace tutti::gpu {

/// Throws Error(environment) unless `status` is success; `doing` says what was tried ("copying to the
/// device").
inline void check(cudaError_t status, const char* doing) {
  if (status == cudaSuccess) return;
  throw Error(Status::environment, std::string("CUDA: ") + doing + ": " + cudaGetErrorString(status) + " (" +
                                       cudaGetErrorName(status) + ")");
}

/// After a launch: what was wrong with its configuration. Does not wait for the kernel.
inline void check_launch(const std::string& kernel) {
  const cudaError_t status = cudaGetLastError();
  if (status != cudaSuccess) check(status, ("launching kernel '" + kernel + "'").c_str());
}

}  // namespace tutti::gpu
