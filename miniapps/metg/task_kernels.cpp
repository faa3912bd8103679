#include "miniapps/metg/task_kernels.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

#include "kernels/simd.hpp"
#include "runtime/error.hpp"

namespace metg {

const std::vector<std::string>& kernel_names() {
  static const std::vector<std::string> names{"empty", "busy_wait", "compute_bound", "memory_bound",
                                              "load_imbalance"};
  return names;
}

KernelKind kernel_kind(const std::string& name) {
  const auto& names = kernel_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) tutti::usage_error("there is no kernel '{}'", name);
  return static_cast<KernelKind>(found - names.begin());
}

namespace {
/// Makes the compiler believe that the value is used.
template <class T>
void use(const T& value) {
  asm volatile("" : : "r"(&value) : "memory");
}

// All iterations of half of the 64 sums: as many at a time as hide how long a multiply-add takes and fit into
// registers.
void compute_half(std::int64_t iterations) {
  namespace simd = tutti::kernels::simd;
  constexpr int sums = 32;
  constexpr int vectors = sums / simd::vector_lanes<double>;
  static constexpr std::array<double, sums> start = [] {  // made beforehand, or it takes ten iterations
    std::array<double, sums> values{};
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0 + static_cast<double>(i) / sums;
    return values;
  }();
  const auto factor = simd::Vector<double>{} + 0.5;
  const auto offset = simd::Vector<double>{} + 0.75;
  simd::Vector<double> x[vectors];
#pragma GCC unroll 16
  for (int v = 0; v < vectors; ++v) x[v] = simd::load(&start[v * simd::vector_lanes<double>]);
  for (std::int64_t k = 0; k < iterations; ++k) {
#pragma GCC unroll 16
    for (auto& v : x)  // towards 1.5: neither overflows nor becomes subnormal
      v = simd::multiply_add(v, factor, offset);
  }
#pragma GCC unroll 16
  for (const auto& v : x) asm volatile("" : : "x"(v));  // used, and still in its register
}
}  // namespace

void busy_wait(std::int64_t iterations) {
  std::uint64_t x = 113;
  for (std::int64_t i = 0; i < iterations; ++i) x = x * 139 % 2147483647;
  use(x);
}

void compute_bound(std::int64_t iterations) {
  compute_half(iterations);
  compute_half(iterations);
}

void memory_bound(std::byte* scratch, std::int64_t iterations, std::int64_t first) {
  constexpr std::size_t copied_bytes = 2048;
  constexpr auto samples = static_cast<std::int64_t>(scratch_bytes / (2 * copied_bytes));
  std::int64_t at = first % samples;
  for (std::int64_t i = 0; i < iterations; ++i) {
    std::byte* from = scratch + static_cast<std::size_t>(at) * 2 * copied_bytes;
    std::memcpy(from + copied_bytes, from, copied_bytes);
    use(*from);
    if (++at == samples) at = 0;
  }
}

void TaskWork::compute(TaskId id, std::byte* scratch) const {
  switch (kind) {
    case KernelKind::empty:
      return;
    case KernelKind::busy_wait:
      busy_wait(iterations);
      return;
    case KernelKind::compute_bound:
      compute_bound(iterations);
      return;
    case KernelKind::memory_bound:
      memory_bound(scratch, iterations, id.step * iterations);
      return;
    case KernelKind::load_imbalance:
      compute_bound(iterations_of(id));
      return;
  }
}

Scratch::Scratch(KernelKind kind, std::uint32_t workers) : memory_(workers) {
  if (kind != KernelKind::memory_bound) return;
  for (auto& memory : memory_) memory = std::make_unique<std::byte[]>(scratch_bytes);
}

double iteration_cost_ns(const TaskWork& work) {
  using Clock = std::chrono::steady_clock;
  if (work.kind == KernelKind::empty) return 1;
  TaskWork trial = work;
  trial.imbalance = 0;
  const Scratch scratch(trial.kind, 1);
  for (trial.iterations = 1024;; trial.iterations *= 2) {  // until it takes long enough to be timed
    const auto begin = Clock::now();
    trial.execute({}, scratch.of(0));
    const std::chrono::duration<double, std::nano> elapsed = Clock::now() - begin;
    if (elapsed.count() > 1e6) return elapsed.count() / static_cast<double>(trial.iterations);
  }
}

}  // namespace metg
