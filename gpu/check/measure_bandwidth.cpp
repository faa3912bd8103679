#include "gpu/check/fields.hpp"
#include "gpu/check/measure.hpp"
#include "gpu/cuda_check.hpp"
#include "kernels/blas1/blas1.hpp"
#include "kernels/stencil/stencil.hpp"

namespace tutti::gpu_check {

double Measurement::copy_bytes_per_s() {
  if (copy_bytes_per_s_ > 0) return copy_bytes_per_s_;
  const std::uint64_t bytes = std::uint64_t{1} << 30;
  const DeviceBytes from(*this, bytes), to(*this, bytes);
  const double s = Stopwatch(cuda_stream()).seconds([&] {
    gpu::check(cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice, cuda_stream()),
               "copying");
  });
  return copy_bytes_per_s_ = 2 * static_cast<double>(bytes) / s;
}

void measure_memory(Measurement& m) {
  m.report.figure({"device copy of 1 GiB", m.copy_bytes_per_s() * 1e-9, "GB/s", "", 0, 0});
}

namespace {

/// Time of one launch, as a fraction of what the copy bandwidth allows.
void bandwidth(Measurement& m, const std::string& name, const Kernel& kernel,
               const std::vector<Argument>& arguments, double bytes, double wanted, void* result = nullptr) {
  const auto launch = m.device.prepare(one_part(kernel, arguments, result));
  const double s = Stopwatch(m.cuda_stream()).seconds([&] { m.launch(*launch); });
  m.report.figure({name, bytes / s * 1e-9, "GB/s", "copy bandwidth", m.copy_bytes_per_s() * 1e-9, wanted});
}

}  // namespace

void measure_stencils(Measurement& m) {
  using namespace kernels;
  const Index3 n{512, 512, 512};
  const double cells = static_cast<double>(n[0] * n[1] * n[2]);
  {
    const DeviceField u(m, n, 1), next(m, n, 1);
    bandwidth(m, "heat7 512^3", heat7(0.1), {u.argument(), next.argument()}, 16 * cells, 0.92);
    bandwidth(m, "heat27 512^3", heat27(0.1), {u.argument(), next.argument()}, 16 * cells, 0);
    bandwidth(m, "wave2 512^3", wave2(0.1), {u.argument(), next.argument()}, 24 * cells, 0);
  }
  const DeviceField u(m, n, 4), previous(m, n, 4);
  bandwidth(m, "wave8 512^3", wave8(0.1), {u.argument(), previous.argument()}, 24 * cells, 0);
}

void measure_vectors(Measurement& m) {
  using namespace kernels;
  const std::int64_t n = std::int64_t{1} << 26, tile = 4096;
  const DeviceField x(m, {1, 1, n}, 0), y(m, {1, 1, n}, 0), p(m, {1, 1, n}, 0), q(m, {1, 1, n}, 0);
  const DeviceBytes scalar(m, 8), sums(m, static_cast<std::uint64_t>(n / tile) * 8);
  Argument alpha;
  alpha.data = scalar.data();
  const double length = static_cast<double>(n);
  bandwidth(m, "axpy 2^26", axpy(), {alpha, x.argument(), y.argument()}, 24 * length, 0);

  // kernels that return a value: a part for each tile
  const auto tiled = [&](const Kernel& kernel, const std::vector<Argument>& whole) {
    DeviceLaunch launch;
    launch.kernel = kernel;
    for (std::int64_t t = 0; t < n / tile; ++t) {
      LaunchPart part;
      part.task.box = {{0, 0, t * tile}, {1, 1, (t + 1) * tile}};
      part.first = launch.arguments.size();
      part.result = sums.data() + 8 * t;
      launch.parts.push_back(part);
      for (Argument a : whole) {
        if (a.data != scalar.data()) {
          a.data = static_cast<double*>(a.data) + t * tile;
          a.box = part.task.box;
        }
        launch.arguments.push_back(a);
      }
    }
    return m.device.prepare(std::move(launch));
  };
  const auto sums_of = [&](const std::string& name, PreparedLaunch& launch, double bytes) {
    const double s = Stopwatch(m.cuda_stream()).seconds([&] { m.launch(launch); });
    m.report.figure(
        {name, bytes * length / s * 1e-9, "GB/s", "copy bandwidth", m.copy_bytes_per_s() * 1e-9, 0});
  };
  sums_of("dot 2^26", *tiled(dot(), {x.argument(), y.argument()}), 16);
  sums_of("cg_update 2^26",
          *tiled(cg_update(), {alpha, p.argument(), q.argument(), x.argument(), y.argument()}), 48);
}

}  // namespace tutti::gpu_check
