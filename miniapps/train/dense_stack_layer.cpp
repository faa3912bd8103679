#include "kernels/nn/dense_stack.hpp"
#include "miniapps/train/layers.hpp"

using namespace tutti;

namespace {

template <class T>
class DenseStackLayer : public Layer<T> {
 public:
  DenseStackLayer(const std::vector<nn::LinearShape>& shapes, const std::vector<std::uint32_t>& units,
                  const Sharded<T>& x, const Sharded<T>& hidden, const Sharded<T>& y)
      : shapes_(shapes), units_(units), x_(x), hidden_(hidden), y_(y) {}

  double product_flops() const override {
    double flops = 0;
    for (const auto& shape : shapes_) flops += shape.flops();
    return flops;
  }
  double backward_product_flops() const override { return 2 * product_flops() - shapes_.front().flops(); }

  void forward(Recorder& r, const Shards& shards, const Parameters<T>& p) const override {
    r.each(shards,
           make_kernel("linear_stack", nn::DenseStackForward<T>{stack(p)}, {product_flops(), bytes(p, 1)}),
           read(x_), read(p.weights(group(p)), whole()), write(hidden_), write(y_));
  }
  void backward(Recorder& r, const Shards& shards, const Parameters<T>& p,
                GradientsDone<T>& done) const override {
    r.each(shards,
           make_kernel("linear_stack_back", nn::DenseStackBackward<T>{stack(p)},
                       {backward_product_flops(), bytes(p, 2)}),
           read(x_), read(hidden_), read(y_), read(p.weights(group(p)), whole()),
           update(p.gradient(group(p))));
    for (auto unit = units_.rbegin(); unit != units_.rend(); ++unit) done.unit(r, *unit);
  }

 private:
  std::uint32_t group(const Parameters<T>& p) const { return p.list().unit(units_.front()).group; }
  nn::DenseStack stack(const Parameters<T>& p) const {
    nn::DenseStack out;
    for (std::size_t l = 0; l < units_.size(); ++l) {
      const auto& at = p.list().unit(units_[l]).offsets;
      out.layers.push_back({shapes_[l], at[0], at[1]});
    }
    return out;
  }
  double bytes(const Parameters<T>& p, double times) const {
    return times * sizeof(T) *
           static_cast<double>(x_.elements() + hidden_.elements() + y_.elements() +
                               p.gradient(group(p)).elements());
  }

  std::vector<nn::LinearShape> shapes_;
  std::vector<std::uint32_t> units_;
  Sharded<T> x_, hidden_, y_;
};

}  // namespace

template <class T>
LayerPointer<T> make_dense_stack(const std::vector<nn::LinearShape>& shapes,
                                 const std::vector<std::uint32_t>& units, const Sharded<T>& x,
                                 const Sharded<T>& hidden, const Sharded<T>& y) {
  return std::make_unique<DenseStackLayer<T>>(shapes, units, x, hidden, y);
}

#define TUTTI_INSTANTIATE(T)                                                                      \
  template LayerPointer<T> make_dense_stack(const std::vector<nn::LinearShape>&,                  \
                                            const std::vector<std::uint32_t>&, const Sharded<T>&, \
                                            const Sharded<T>&, const Sharded<T>&)
TUTTI_INSTANTIATE(float);
TUTTI_INSTANTIATE(double);
#undef TUTTI_INSTANTIATE
