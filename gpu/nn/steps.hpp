// Launches that consist of several kernels and products, one after the other on the stream; and the steps
// that several layers use.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "gpu/bodies.hpp"
#include "kernels/nn/functors.hpp"

namespace tutti::gpu {

/// Puts work on a stream; owns what it needs.
using Step = std::function<void(cudaStream_t)>;

class Steps : public CudaLaunch {
 public:
  void add(Step step) { steps_.push_back(std::move(step)); }
  void add(std::vector<Step> steps) {
    for (Step& s : steps) add(std::move(s));
  }
  void run(cudaStream_t stream) override {
    for (const Step& s : steps_) s(stream);
  }

 private:
  std::vector<Step> steps_;
};

/// The functor of a launch, of the type that its body is registered for.
template <class F>
const F& functor_of(const DeviceLaunch& launch) {
  return *static_cast<const F*>(launch.kernel.functor.get());
}
/// Where argument `index` of a part is on the device.
inline float* values_of(const DeviceLaunch& launch, std::size_t part, std::uint32_t index) {
  return static_cast<float*>(launch.arguments[launch.parts[part].first + index].data);
}

/// An array among the arguments of each part: argument `index`, from element `first` on.
struct PartArray {
  std::uint32_t index = 0;
  std::int64_t first = 0;
};

/// y += x, n values.
Step add_values(const DeviceLaunch& launch, std::int64_t n, PartArray x, PartArray y);
/// y = activation(u + b) on rows of y; GELU reads u and leaves u + b there.
Step add_bias(const DeviceLaunch& launch, const kernels::nn::RowsShape& shape,
              kernels::nn::Activation activation, PartArray b, PartArray u, PartArray y);
/// db = the sums of dy's columns.
std::vector<Step> sum_columns(const DeviceLaunch& launch, const kernels::nn::RowsShape& shape, PartArray dy,
                              PartArray db);
/// dy becomes the derivative before the activation, db the sums of its columns.
std::vector<Step> activation_backward(const DeviceLaunch& launch, const kernels::nn::RowsShape& shape,
                                      kernels::nn::Activation activation, PartArray from, PartArray dy,
                                      PartArray db);

}  // namespace tutti::gpu
