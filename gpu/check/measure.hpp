// What gpu_check measures, and how: medians of single launches between events, warm-up excluded. Every figure
// has its bound measured in the same run, where there is one.
#pragma once

#include <cstdint>
#include <functional>

#include "gpu/check/report.hpp"
#include "gpu/cuda_device.hpp"

namespace tutti::gpu_check {

class Stopwatch {
 public:
  explicit Stopwatch(cudaStream_t stream);
  ~Stopwatch();
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  /// Median seconds of one call of `work`, which puts work on the stream: after warm-up, at least 9 calls and
  /// until `budget_s` are spent.
  double seconds(const std::function<void()>& work, double budget_s = 0.25);

 private:
  cudaStream_t stream_;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

/// What the measurements share.
class Measurement {
 public:
  Measurement(gpu::CudaDevice& device, StreamId stream, Report& report)
      : device(device), stream(stream), report(report) {}
  gpu::CudaDevice& device;
  StreamId stream;
  Report& report;
  cudaStream_t cuda_stream() const { return device.stream(stream); }
  double tf32_flops_per_s = 0;  ///< of cuBLAS, set by measure_products; 0 without cuBLAS
  double bf16_flops_per_s = 0;
  /// What copying moves, read and written; measured once.
  double copy_bytes_per_s();
  void launch(PreparedLaunch& l) { device.launch(l, stream); }

 private:
  double copy_bytes_per_s_ = 0;
};

void measure_memory(Measurement& m);    ///< copy bandwidth, the bound of what follows
void measure_launches(Measurement& m);  ///< overhead of a launch, one by one and in graphs
void measure_stencils(Measurement& m);
void measure_vectors(Measurement& m);
void measure_sparse(Measurement& m);    ///< beside cuSPARSE where it is there
void measure_products(Measurement& m);  ///< of matrices, beside cuBLAS where it is there
void measure_nets(Measurement& m);      ///< the kernels of nets

}  // namespace tutti::gpu_check
