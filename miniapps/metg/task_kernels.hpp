// What a task computes: the kernels of Task Bench. Their results are of no use; all that matters is that one
// iteration costs the same whoever runs it.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "miniapps/metg/hash.hpp"

namespace metg {

enum class KernelKind : std::uint8_t { empty, busy_wait, compute_bound, memory_bound, load_imbalance };

const std::vector<std::string>& kernel_names();
/// Throws Error(usage) for an unknown name.
KernelKind kernel_kind(const std::string& name);

/// A chain of dependent integer operations, one multiplication and one remainder an iteration.
void busy_wait(std::int64_t iterations);
/// 64 independent multiply-adds an iteration: 128 floating-point operations.
void compute_bound(std::int64_t iterations);
/// Copies 2 KiB an iteration inside `scratch` (scratch_bytes long), going on from where iteration number
/// `first` lies.
void memory_bound(std::byte* scratch, std::int64_t iterations, std::int64_t first);
inline constexpr std::size_t scratch_bytes = std::size_t{2} << 20;

/// One task's place in the graphs.
struct TaskId {
  std::uint32_t graph = 0;
  std::uint32_t point = 0;
  std::int64_t step = 0;
};

/// The kernel with its numbers. `iterations` may change between runs; nothing else does.
struct TaskWork {
  KernelKind kind = KernelKind::empty;
  std::int64_t iterations = 0;
  double imbalance = 0;     ///< load_imbalance: from 0 to 2
  bool persistent = false;  ///< load_imbalance: the same points are slow in every step
  std::uint32_t width = 1;
  std::uint64_t seed = 1;

  /// Iterations of one task over `iterations`. load_imbalance: uniform in 1 - imbalance/2 .. 1 + imbalance/2;
  /// persistent: 1 + imbalance for the first half of the points, 1 for the others.
  double factor(const TaskId& id) const {
    if (kind != KernelKind::load_imbalance) return 1;
    if (persistent) return 2 * id.point < width ? 1 + imbalance : 1;
    return 1 + imbalance * (uniform({seed, id.graph, static_cast<std::uint64_t>(id.step), id.point}) - 0.5);
  }
  std::int64_t iterations_of(const TaskId& id) const {
    return static_cast<std::int64_t>(std::nearbyint(factor(id) * static_cast<double>(iterations)));
  }
  /// Runs the kernel; without iterations every kernel is empty. `scratch`: the worker's own, used by
  /// memory_bound.
  void execute(TaskId id, std::byte* scratch) const {
    if (iterations > 0) [[unlikely]]
      compute(id, scratch);  // else the call costs what the task costs
  }

 private:
  void compute(TaskId id, std::byte* scratch) const;
};

/// Memory for memory_bound, of each worker its own; null for other kernels.
class Scratch {
 public:
  Scratch(KernelKind kind, std::uint32_t workers);
  std::byte* of(std::uint32_t worker) const { return memory_[worker].get(); }

 private:
  std::vector<std::unique_ptr<std::byte[]>> memory_;  // by worker
};

/// Nanoseconds of one iteration on this thread (1 for `empty`, which has none).
double iteration_cost_ns(const TaskWork& work);

}  // namespace metg
