#include "miniapps/train/layers.hpp"

using namespace tutti;

namespace {

template <class T>
class DenseStackLayer : public Layer<T> {
 public:
  DenseStackLayer(const nn::DenseStack& stack, const std::vector<std::uint32_t>& units, const Sharded<T>& x,
                  const Sharded<T>& trace, const Sharded<T>& y)
      : stack_(stack), units_(units), x_(x), trace_(trace), y_(y) {}

  double product_flops() const override {
    double flops = 0;
    for (const auto& layer : stack_.layers) flops += layer.shape.flops();
    return flops;
  }
  double backward_product_flops() const override {
    return 2 * product_flops() - stack_.layers.front().shape.flops();
  }

  void forward(Recorder& r, const Shards& shards, const Parameters<T>& p) const override {
    r.each(shards, make_kernel("linear_stack", nn::DenseStackForward<T>{stack_}, {product_flops(), bytes(p)}),
           read(x_), read(p.weights(0), whole()), write(trace_), write(y_));
  }
  void backward(Recorder& r, const Shards& shards, const Parameters<T>& p,
                GradientsDone<T>& done) const override {
    const nn::DenseStackBackward<T> derivatives{stack_};
    if (std::holds_alternative<StackSum<T>>(p.sum(0)))
      r.each(shards,
             make_kernel("linear_stack_back", derivatives,
                         {product_flops() - stack_.layers.front().shape.flops(), bytes(p)}),
             read(y_), read(p.weights(0), whole()), update(trace_));
    else
      r.each(shards,
             make_kernel("linear_stack_back", nn::DenseStackBackwardWhole<T>{derivatives},
                         {backward_product_flops(), 2 * bytes(p)}),
             read(y_), read(p.weights(0), whole()), update(trace_), write(p.gradient(0)));
    for (auto unit = units_.rbegin(); unit != units_.rend(); ++unit) done.unit(r, *unit);
  }

 private:
  double bytes(const Parameters<T>& p) const {
    return sizeof(T) * static_cast<double>(trace_.elements() + y_.elements() + p.list().group_sizes()[0]);
  }

  nn::DenseStack stack_;
  std::vector<std::uint32_t> units_;
  Sharded<T> x_, trace_, y_;
};

}  // namespace

template <class T>
LayerPointer<T> make_dense_stack(const nn::DenseStack& stack, const std::vector<std::uint32_t>& units,
                                 const Sharded<T>& x, const Sharded<T>& trace, const Sharded<T>& y) {
  return std::make_unique<DenseStackLayer<T>>(stack, units, x, trace, y);
}

template LayerPointer<float> make_dense_stack(const nn::DenseStack&, const std::vector<std::uint32_t>&,
                                              const Sharded<float>&, const Sharded<float>&,
                                              const Sharded<float>&);
template LayerPointer<double> make_dense_stack(const nn::DenseStack&, const std::vector<std::uint32_t>&,
                                               const Sharded<double>&, const Sharded<double>&,
                                               const Sharded<double>&);
