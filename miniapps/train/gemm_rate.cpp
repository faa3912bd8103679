#include "miniapps/train/gemm_rate.hpp"

#include <chrono>

#include "kernels/nn/nn.hpp"

using namespace tutti;
namespace nn = tutti::kernels::nn;

GemmRate::GemmRate(Runtime& rt)
    : rt_(rt),
      workers_(rt, static_cast<std::int64_t>(rt.transport().sum(rt.workers()))),
      a_(workers_, edge * edge, "a", 1.0F / 3),
      b_(workers_, edge * edge, "b", 0.5F),
      c_(workers_, edge * edge, "c"),
      product_(rt.record("gemm", [&](Recorder& r) {
        const nn::LinearShape shape{edge, edge, edge};
        r.each(workers_,
               make_kernel("gemm",
                           [shape](In<float> a, In<float> b, Out<float> c) {
                             nn::linear_forward<float>(shape, a.data, b.data, nullptr, nullptr, c.data);
                           },
                           {shape.flops(), 12.0 * edge * edge}),
               read(a_), read(b_), write(c_));
      })) {
  product_.run(1);
}

void GemmRate::measure() {
  constexpr int products = 12;  // long enough that a moment of a faster clock is not taken for the rate
  rt_.transport().barrier();
  const auto begin = std::chrono::steady_clock::now();
  product_.run(products);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  flops_ += products * nn::LinearShape{edge, edge, edge}.flops() * static_cast<double>(workers_.count());
  time_s_ += rt_.transport().max(took.count());
}
