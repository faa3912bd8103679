// The null twin of the CUDA device.
#include "runtime/device/device.hpp"
#include "runtime/error.hpp"

namespace tutti {

std::shared_ptr<Device> make_cuda_device(const DeviceShare&) {
  usage_error("--device cuda: this build has no CUDA device; use --device cpu, or build with --cuda");
}

}  // namespace tutti
