#include <bit>
#include <cmath>
#include <cstdint>

#include "gpu/check/checks.hpp"
#include "gpu/check/mirror.hpp"

namespace tutti::gpu_check {
namespace {

/// Whether two values have other bits; real numbers that are NaN are the same.
bool differ(std::uint64_t a, std::uint64_t b, bool real) {
  const bool both_nan = std::isnan(std::bit_cast<double>(a)) && std::isnan(std::bit_cast<double>(b));
  return a != b && !(real && both_nan);
}
std::size_t differences(const std::vector<double>& a, const std::vector<double>& b) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    n += differ(std::bit_cast<std::uint64_t>(a[i]), std::bit_cast<std::uint64_t>(b[i]), true) ? 1 : 0;
  return n;
}

}  // namespace

void compare(Bench& bench, const std::string& name, const Kernel& kernel,
             const std::vector<std::vector<Argument>>& parts, const std::vector<std::vector<double>*>& arrays,
             const std::vector<std::vector<double>*>& written) {
  const std::string title = bench.bodies + " " + name;
  if (!bench.device.has_body(kernel)) {
    bench.report.left_out(title, "kernel '" + kernel.name + "' runs on the host");
    return;
  }
  Mirror mirror(bench.device, bench.stream);
  for (const auto* a : arrays) mirror.add(*a);
  std::vector<std::uint64_t> results(parts.size()), host_results(parts.size());
  mirror.add(results);

  const auto prepared = bench.device.prepare(mirror.launch(kernel, parts, results));
  bench.device.launch(*prepared, bench.stream);
  bench.device.synchronize();

  for (std::size_t p = 0; p < parts.size(); ++p) {
    Task task;
    task.box = parts[p].back().box;
    kernel.tile(kernel.functor.get(), task, parts[p].data(), &host_results[p]);
  }
  std::size_t values = 0, other = 0;
  for (const auto* w : written) {
    values += w->size();
    other += differences(mirror.fetch(*w), *w);
  }
  if (kernel.result.size_bytes > 0) {
    const auto device_results = mirror.fetch(results);
    const bool real = kernel.result == element_type<double>();
    for (std::size_t p = 0; p < parts.size(); ++p)
      other += differ(device_results[p], host_results[p], real) ? 1 : 0;
    values += parts.size();
  }
  bench.report.check(title, other == 0,
                     other == 0 ? std::to_string(values) + " values, the host's bits"
                                : std::to_string(other) + " of " + std::to_string(values) + " values differ");
}

}  // namespace tutti::gpu_check
