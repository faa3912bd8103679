#include "miniapps/train/layers.hpp"

using namespace tutti;

namespace {

template <class T>
class Convolution : public Layer<T> {
 public:
  Convolution(const nn::ConvolutionShape& shape, const UnitPart& part, const Sharded<T>& x,
              const Sharded<T>& y, const Sharded<T>& dy, const std::optional<Sharded<T>>& dx)
      : shape_(shape), part_(part), x_(x), y_(y), dy_(dy), dx_(dx) {}
  double product_flops() const override { return shape_.flops(); }
  double backward_product_flops() const override { return (dx_ ? 2 : 1) * shape_.flops(); }

  void forward(Recorder& r, const Shards& shards, const Parameters<T>& p) const override {
    const auto& unit = p.list().unit(part_.unit);
    const std::int64_t at_w = unit.offsets[part_.first], at_b = unit.offsets[part_.first + 1];
    const nn::ConvolutionShape shape = shape_;
    const nn::PlanesShape planes = this->planes();
    r.each(shards,
           make_kernel(
               "convolution_relu",
               [=](In<T> x, Whole<T> w, Out<T> y) {
                 nn::convolution_forward<T>(shape, x.data, w.data() + at_w, nullptr, y.data);
                 nn::channel_relu_forward<T>(planes, w.data() + at_b, y.data);
               },
               cost(1)),
           read(x_), read(p.weights(unit.group), whole()), write(y_));
  }

  void backward(Recorder& r, const Shards& shards, const Parameters<T>& p,
                GradientsDone<T>& done) const override {
    const auto& unit = p.list().unit(part_.unit);
    const std::int64_t at_w = unit.offsets[part_.first], at_b = unit.offsets[part_.first + 1];
    const nn::ConvolutionShape shape = shape_;
    const nn::PlanesShape planes = this->planes();
    if (dx_)
      r.each(shards,
             make_kernel(
                 "convolution_relu_back",
                 [=](In<T> x, In<T> y, InOut<T> dy, Whole<T> w, InOut<T> g, Out<T> dx) {
                   nn::channel_relu_backward<T>(planes, y.data, dy.data, dy.data, g.data + at_b);
                   nn::convolution_backward_weight<T>(shape, x.data, dy.data, g.data + at_w, nullptr);
                   nn::convolution_backward_input<T>(shape, dy.data, w.data() + at_w, dx.data);
                 },
                 cost(2)),
             read(x_), read(y_), update(dy_), read(p.weights(unit.group), whole()),
             update(p.gradient(unit.group)), write(*dx_));
    else
      r.each(shards,
             make_kernel(
                 "convolution_relu_back",
                 [=](In<T> x, In<T> y, InOut<T> dy, InOut<T> g) {
                   nn::channel_relu_backward<T>(planes, y.data, dy.data, dy.data, g.data + at_b);
                   nn::convolution_backward_weight<T>(shape, x.data, dy.data, g.data + at_w, nullptr);
                 },
                 cost(1)),
             read(x_), read(y_), update(dy_), update(p.gradient(unit.group)));
    if (part_.is_last) done.unit(r, part_.unit);
  }

 private:
  nn::PlanesShape planes() const {
    return {shape_.images, shape_.filters, shape_.out_height() * shape_.out_width()};
  }
  Cost cost(double times) const {
    return {times * shape_.flops(), times * sizeof(T) * static_cast<double>(x_.elements() + y_.elements())};
  }
  nn::ConvolutionShape shape_;
  UnitPart part_;
  Sharded<T> x_, y_, dy_;
  std::optional<Sharded<T>> dx_;
};

template <class T>
class MaxPool : public Layer<T> {
 public:
  MaxPool(const nn::PoolShape& shape, const Sharded<T>& x, const Sharded<T>& y, const Sharded<T>& dy,
          const Sharded<T>& dx)
      : shape_(shape), x_(x), y_(y), dy_(dy), dx_(dx) {}

  void forward(Recorder& r, const Shards& shards, const Parameters<T>&) const override {
    r.each(shards,
           make_kernel(
               "max_pool", [s = shape_](In<T> x, Out<T> y) { nn::max_pool_forward<T>(s, x.data, y.data); },
               cost()),
           read(x_), write(y_));
  }
  void backward(Recorder& r, const Shards& shards, const Parameters<T>&, GradientsDone<T>&) const override {
    r.each(shards,
           make_kernel(
               "max_pool_back",
               [s = shape_](In<T> x, In<T> dy, Out<T> dx) {
                 nn::max_pool_backward<T>(s, x.data, dy.data, dx.data);
               },
               cost()),
           read(x_), read(dy_), write(dx_));
  }

 private:
  Cost cost() const {
    return {static_cast<double>(x_.elements()),
            sizeof(T) * static_cast<double>(x_.elements() + y_.elements())};
  }
  nn::PoolShape shape_;
  Sharded<T> x_, y_, dy_, dx_;
};

}  // namespace

template <class T>
LayerPointer<T> make_convolution(const nn::ConvolutionShape& shape, const UnitPart& part, const Sharded<T>& x,
                                 const Sharded<T>& y, const Sharded<T>& dy,
                                 const std::optional<Sharded<T>>& dx) {
  return std::make_unique<Convolution<T>>(shape, part, x, y, dy, dx);
}
template <class T>
LayerPointer<T> make_max_pool(const nn::PoolShape& shape, const Sharded<T>& x, const Sharded<T>& y,
                              const Sharded<T>& dy, const Sharded<T>& dx) {
  return std::make_unique<MaxPool<T>>(shape, x, y, dy, dx);
}

#define TUTTI_INSTANTIATE(T)                                                                                 \
  template LayerPointer<T> make_convolution(const nn::ConvolutionShape&, const UnitPart&, const Sharded<T>&, \
                                            const Sharded<T>&, const Sharded<T>&,                            \
                                            const std::optional<Sharded<T>>&);                               \
  template LayerPointer<T> make_max_pool(const nn::PoolShape&, const Sharded<T>&, const Sharded<T>&,         \
                                         const Sharded<T>&, const Sharded<T>&)
TUTTI_INSTANTIATE(float);
TUTTI_INSTANTIATE(double);
#undef TUTTI_INSTANTIATE
