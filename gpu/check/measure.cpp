#include "gpu/check/measure.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "gpu/cuda_check.hpp"

namespace tutti::gpu_check {

using gpu::check;

Stopwatch::Stopwatch(cudaStream_t stream) : stream_(stream) {
  check(cudaEventCreate(&begin_), "making an event");
  check(cudaEventCreate(&end_), "making an event");
}

Stopwatch::~Stopwatch() {
  cudaEventDestroy(begin_);
  cudaEventDestroy(end_);
}

double Stopwatch::seconds(const std::function<void()>& work, double budget_s) {
  for (int warm_up = 0; warm_up < 3; ++warm_up) work();
  check(cudaStreamSynchronize(stream_), "warming up");
  std::vector<double> times;
  const auto start = std::chrono::steady_clock::now();
  const std::chrono::duration<double> budget(budget_s);
  constexpr std::size_t least = 9, most = 1001;
  while (times.size() < least || (std::chrono::steady_clock::now() - start < budget && times.size() < most)) {
    check(cudaEventRecord(begin_, stream_), "recording an event");
    work();
    check(cudaEventRecord(end_, stream_), "recording an event");
    check(cudaEventSynchronize(end_), "measuring");
    float elapsed_ms = 0;
    check(cudaEventElapsedTime(&elapsed_ms, begin_, end_), "measuring");
    times.push_back(static_cast<double>(elapsed_ms) * 1e-3);
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

}  // namespace tutti::gpu_check
