// Scalar operations on the device: one thread each, with the functor that the host calls. What tiles have
// left of a reduction is combined by a block.
#include "gpu/combine.hpp"
#include "gpu/launch.cuh"
#include "kernels/blas1/scalars.hpp"
#include "runtime/data/combine.hpp"
#include "runtime/device/step_loop.hpp"

namespace tutti::gpu {
namespace {

/// A block of one thread for each part.
template <class F>
__global__ void one_call(const F f, const Parts parts) {
  const ArgumentsOf<F> arguments =
      arguments_of<F>(parts.arguments + std::size_t{blockIdx.x} * parts.per_part);
  using Result = typename detail::Signature<F>::Result;
  if constexpr (std::is_void_v<Result>)
    std::apply(f, arguments);
  else
    *static_cast<Result*>(parts.results[blockIdx.x]) = std::apply(f, arguments);
}

template <class F>
__global__ void __launch_bounds__(combine_threads) combine(const F, const Parts parts) {
  using Accumulator = typename F::Accumulator;
  __shared__ alignas(Accumulator) unsigned char memory[combine_threads * sizeof(Accumulator)];
  auto* const shares = reinterpret_cast<Accumulator*>(memory);
  const Argument& values = parts.arguments[blockIdx.x];
  shares[threadIdx.x] = share_of<Accumulator>(threadIdx.x, static_cast<const typename F::Value*>(values.data),
                                              values.box.extent(2));
  for (std::uint32_t half = combine_threads / 2; half > 0; half /= 2) {
    __syncthreads();
    merge_half(threadIdx.x, half, shares);
  }
  if (threadIdx.x == 0) *static_cast<typename F::Value*>(parts.results[blockIdx.x]) = shares[0].value();
}

template <class F>
inline constexpr bool combines = requires {
  typename F::Accumulator;
};

template <class F>
class ScalarLaunch : public CudaLaunch {
 public:
  static std::unique_ptr<CudaLaunch> prepare(const DeviceLaunch& launch) {
    return std::make_unique<ScalarLaunch>(launch);
  }
  explicit ScalarLaunch(const DeviceLaunch& launch)
      : functor_(*static_cast<const F*>(launch.kernel.functor.get())),
        name_(launch.kernel.name),
        table_(launch, std::vector<std::uint64_t>(launch.parts.size(), 1)) {
    load_kernel(kernel, name_);
  }
  void run(cudaStream_t stream) override {
    if (table_.blocks() == 0) return;
    kernel<<<table_.blocks(), combines<F> ? combine_threads : 1, 0, stream>>>(functor_, table_.parts());
    check_launch(name_);
  }

 private:
  static constexpr auto kernel = [] {
    if constexpr (combines<F>)
      return &combine<F>;
    else
      return &one_call<F>;
  }();

  F functor_;
  std::string name_;
  PartTable table_;
};

template <class... F>
void add_all(BodyTable& table) {
  (table.add<F>(&ScalarLaunch<F>::prepare), ...);
}
template <class T, class Sum>
void add_combinations(BodyTable& table) {
  add_all<CombineTiles<Sum>, CombineTiles<Fold<T, Combine::max>>, CombineTiles<Fold<T, Combine::min>>>(table);
}

}  // namespace

void add_scalars(BodyTable& table) {
  using namespace tutti::kernels;
  add_all<Constant, Same, Quotient, QuotientOrZero, PipelinedAlpha, NotAbove, Note>(table);
  add_all<ResumeSteps, EndOfStep>(table);
  add_combinations<double, BinnedSum>(table);
  add_combinations<std::int64_t, Fold<std::int64_t, Combine::sum>>(table);
  add_combinations<std::uint64_t, Fold<std::uint64_t, Combine::sum>>(table);
}

}  // namespace tutti::gpu
