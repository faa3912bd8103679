// The checks of a device: each compares what kernels and copies do there with the same on the host, on fresh
// random input. They know nothing but the border, so they run on the simulated device, too.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "gpu/check/report.hpp"
#include "runtime/device/device.hpp"

namespace tutti::gpu_check {

/// Where kernels run, and what they are given.
struct Bench {
  Device& device;
  StreamId stream;
  std::mt19937_64& random;
  Report& report;
  std::string bodies;  ///< "tuned" or "generic": goes before the names of checks
  /// How far products of nets may be off float64, relative to the greatest value.
  double product_tolerance = 1e-5;

  double uniform() { return std::uniform_real_distribution<double>(-1, 1)(random); }
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  }
  void fill(std::vector<double>& values) {
    for (double& v : values) v = uniform();
  }
};

/// Runs the kernel on both sides and reports whether `written` and the values that it returns have the same
/// bits. Parts are argument lists with host addresses in `arrays`, which contain `written`.
void compare(Bench& bench, const std::string& name, const Kernel& kernel,
             const std::vector<std::vector<Argument>>& parts, const std::vector<std::vector<double>*>& arrays,
             const std::vector<std::vector<double>*>& written);

void check_border(Bench& bench);    ///< copies, gathers, events, graphs, memory
void check_stencils(Bench& bench);  ///< also boxes that do not lie on pairs, and odd extents
void check_vectors(Bench& bench);
void check_scalars(Bench& bench);  ///< also reductions over tiles, and loops on the device
void check_sparse(Bench& bench);
void check_products(Bench& bench);  ///< of nets: dense layers, with what stands around them, and attention
void check_nets(Bench& bench);      ///< all other kernels of nets

}  // namespace tutti::gpu_check
