// The kernels of nets at the sizes of a small GPT: products and attention beside cuBLAS' rate, what streams
// through memory beside the copy bandwidth.
#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gpu/check/fields.hpp"
#include "gpu/check/measure.hpp"
#include "gpu/check/vendor.hpp"
#include "gpu/cuda_check.hpp"
#include "gpu/nn/product.hpp"
#include "kernels/nn/functors.hpp"
#include "kernels/nn/updates.hpp"

namespace tutti::gpu_check {
namespace {

namespace nn = kernels::nn;

constexpr std::int64_t sequences = 16, context = 1024, heads = 12, width = 768, vocabulary = 256;
constexpr std::int64_t rows = sequences * context;

/// Random floats, so that products take the power that they take: a stretch of them again and again.
void fill(Measurement& m, std::byte* to, std::uint64_t bytes) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> value(-1, 1);
  std::vector<float> stretch(std::size_t{1} << 20);
  for (float& v : stretch) v = value(random);
  const std::uint64_t size = stretch.size() * sizeof(float);
  for (std::uint64_t at = 0; at < bytes; at += size)
    gpu::check(cudaMemcpyAsync(to + at, stretch.data(), std::min(size, bytes - at), cudaMemcpyHostToDevice,
                               m.cuda_stream()),
               "copying to the device");
  gpu::check(cudaStreamSynchronize(m.cuda_stream()), "copying to the device");
}

/// The arguments of one launch, in the order of the kernel's parameters.
class Arrays {
 public:
  explicit Arrays(Measurement& m) : m_(m) {}
  /// floats
  Arrays& add(std::int64_t elements) {
    std::byte* data = take(elements, sizeof(float));
    fill(m_, data, static_cast<std::uint64_t>(elements) * sizeof(float));
    return *this;
  }
  /// integers, all 0
  Arrays& add_zeros(std::int64_t elements, std::uint64_t size) {
    take(elements, size);
    return *this;
  }
  /// A list of one tile: the array that was added last.
  Arrays& as_list() {
    Input<float> input{};
    input.data = static_cast<const float*>(arguments_.back().data);
    input.box = arguments_.back().box;
    kept_.push_back(std::make_unique<DeviceBytes>(m_, sizeof input));
    gpu::check(cudaMemcpy(kept_.back()->data(), &input, sizeof input, cudaMemcpyHostToDevice),
               "copying to the device");
    arguments_.back().data = kept_.back()->data();
    arguments_.back().input_count = 1;
    return *this;
  }
  /// Median seconds of a launch.
  double seconds(const Kernel& kernel) {
    DeviceLaunch description = one_part(kernel, arguments_, take_result());
    description.step = reinterpret_cast<const std::int64_t*>(kept_.back()->data());
    const auto launch = m_.device.prepare(std::move(description));
    return Stopwatch(m_.cuda_stream()).seconds([&] { m_.launch(*launch); });
  }

 private:
  std::byte* take(std::int64_t elements, std::uint64_t size) {
    kept_.push_back(std::make_unique<DeviceBytes>(m_, static_cast<std::uint64_t>(elements) * size));
    Argument a;
    a.data = kept_.back()->data();
    a.box = {{0, 0, 0}, {1, 1, elements}};
    arguments_.push_back(a);
    return kept_.back()->data();
  }
  void* take_result() {
    kept_.push_back(std::make_unique<DeviceBytes>(m_, 16));  // 0: also the step
    return kept_.back()->data() + 8;
  }

  Measurement& m_;
  std::vector<std::unique_ptr<DeviceBytes>> kept_;
  std::vector<Argument> arguments_;
};

void products(Measurement& m, const std::string& what, Arrays arrays, const Kernel& kernel, double flops) {
  const bool is_bf16 = gpu::product_precision() == gpu::Precision::bf16;
  const double bound = is_bf16 ? m.bf16_flops_per_s : m.tf32_flops_per_s;
  m.report.figure({what, flops / arrays.seconds(kernel) * 1e-12, "TFLOP/s",
                   is_bf16 ? "cuBLAS bf16 8192^3" : "cuBLAS TF32 8192^3", bound * 1e-12, 0});
}

void streams(Measurement& m, const std::string& what, Arrays arrays, const Kernel& kernel, double values) {
  m.report.figure({what, sizeof(float) * values / arrays.seconds(kernel) * 1e-9, "GB/s", "copy bandwidth",
                   m.copy_bytes_per_s() * 1e-9, 0});
}

void measure_dense(Measurement& m) {
  const nn::LinearShape shape{rows, width, 4 * width};
  const std::int64_t weights = shape.in * shape.out, all = weights + shape.out;
  const nn::LinearPlace at{shape, 0, weights};
  const std::int64_t x = rows * shape.in, y = rows * shape.out;
  const std::string size = ", 16384 x 768 x 3072";
  products(m, "linear" + size, std::move(Arrays(m).add(x).add(all).add(y)),
           make_kernel("linear", nn::LinearForward<float>{at}), shape.flops());
  products(m, "linear_gelu" + size, std::move(Arrays(m).add(x).add(all).add(y).add(y)),
           make_kernel("linear_gelu", nn::LinearGeluForward<float>{at}), shape.flops());
  products(m, "linear_back" + size, std::move(Arrays(m).add(x).add(y).add(all).add(all).add(x)),
           make_kernel("linear_back", nn::LinearBackward<float>{at}), 2 * shape.flops());
  products(m, "linear_gelu_back" + size, std::move(Arrays(m).add(x).add(y).add(y).add(all).add(all).add(x)),
           make_kernel("linear_gelu_back", nn::ActivatedBackward<float, nn::Activation::gelu>{at}),
           2 * shape.flops());
}

void measure_attention(Measurement& m) {
  const nn::AttentionShape shape{sequences, context, heads, width / heads};
  const std::int64_t n = rows * width;
  products(m, "attention, 16 x 1024, 12 heads of 64",
           std::move(Arrays(m).add(3 * n).add(n).add(rows * heads)),
           make_kernel("attention", nn::AttentionForward<float>{shape}), shape.flops());
  products(m, "attention_back, 16 x 1024, 12 heads of 64",
           std::move(Arrays(m).add(3 * n).add(n).add(rows * heads).add(n).add(3 * n)),
           make_kernel("attention_back", nn::AttentionBackward<float>{shape}), 2.5 * shape.flops());
}

void measure_rows(Measurement& m) {
  const nn::RowsShape shape{rows, width}, logits{rows, vocabulary};
  const nn::LayerNormPlace at{shape, 0, width};
  const auto n = static_cast<double>(rows * width), l = static_cast<double>(rows * vocabulary);
  streams(m, "layer_norm, 16384 x 768",
          std::move(Arrays(m).add(rows * width).add(2 * width).add(rows * width).add(2 * rows)),
          make_kernel("layer_norm", nn::LayerNormForward<float>{at}), 2 * n);
  streams(m, "layer_norm_back, 16384 x 768",
          std::move(Arrays(m)
                        .add(rows * width)
                        .add(2 * rows)
                        .add(rows * width)
                        .add(2 * width)
                        .add(2 * width)
                        .add(rows * width)),
          make_kernel("layer_norm_back", nn::LayerNormBackwardAdd<float>{at}), 4 * n);
  streams(m, "cross_entropy, 16384 x 256",
          std::move(Arrays(m).add_zeros(rows, sizeof(std::int32_t)).add(rows * vocabulary)),
          make_kernel("cross_entropy", nn::CrossEntropy<float>{logits, static_cast<double>(rows)}), 2 * l);
  const nn::EmbeddingPlace place{{sequences, context, width, vocabulary}, 0, vocabulary * width};
  streams(m, "embedding, 16384 x 768",
          std::move(Arrays(m)
                        .add_zeros(rows, sizeof(std::int32_t))
                        .add((vocabulary + context) * width)
                        .add(rows * width)),
          make_kernel("embedding", nn::EmbeddingForward<float>{place}), n);
}

void measure_update(Measurement& m) {
  const std::int64_t n = std::int64_t{1} << 26;
  const ShardTotal<float> one_shard{ShardTree({0, 1}, {{0, 1}}), true};
  const std::vector<nn::Stretch> all{{0, n, 0.1}};
  const nn::AdamWUpdate<float> update{{one_shard, all, {}}};
  streams(m, "adamw, 2^26", std::move(Arrays(m).add(n).as_list().add_zeros(1, 8).add(n).add(n).add(n)),
          make_kernel("adamw", update), 7 * static_cast<double>(n));
}

}  // namespace

void measure_nets(Measurement& m) {
  measure_dense(m);
  measure_attention(m);
  measure_rows(m);
  measure_update(m);
}

}  // namespace tutti::gpu_check
