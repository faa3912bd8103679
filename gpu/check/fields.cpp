#include "gpu/check/fields.hpp"

#include "gpu/cuda_check.hpp"

namespace tutti::gpu_check {
namespace {

constexpr std::int64_t line_cells = 8;
std::int64_t lines(std::int64_t cells) { return (cells + line_cells - 1) / line_cells * line_cells; }

}  // namespace

DeviceBytes::DeviceBytes(Measurement& m, std::uint64_t bytes)
    : device_(m.device), data_(m.device.allocate(bytes, "an array of a measurement")) {
  gpu::check(cudaMemsetAsync(data_, 0, bytes, m.cuda_stream()), "writing zeros");
}

DeviceField::DeviceField(Measurement& m, const Index3& n, std::int64_t ghosts)
    : before_(lines(ghosts)),
      stride1_(before_ + lines(n[2] + ghosts)),
      stride0_(stride1_ * (n[1] + 2 * ghosts)),
      bytes_(m, static_cast<std::uint64_t>(stride0_ * (n[0] + 2 * ghosts)) * sizeof(double)) {
  argument_.data = reinterpret_cast<double*>(bytes_.data()) + ghosts * stride0_ + ghosts * stride1_ + before_;
  argument_.stride0 = stride0_;
  argument_.stride1 = stride1_;
  argument_.box = {{0, 0, 0}, n};
}

DeviceLaunch one_part(const Kernel& kernel, const std::vector<Argument>& arguments, void* result) {
  DeviceLaunch launch;
  launch.kernel = kernel;
  launch.arguments = arguments;
  LaunchPart part;
  part.task.box = arguments.back().box;
  part.result = result;
  launch.parts.push_back(part);
  return launch;
}

}  // namespace tutti::gpu_check
