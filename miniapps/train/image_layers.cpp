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
    r.each(shards, make_kernel("convolution_relu", nn::ConvolutionReluForward<T>{place(p)}, cost(1)),
           read(x_), read(p.weights(p.list().unit(part_.unit).group), whole()), write(y_));
  }

  void backward(Recorder& r, const Shards& shards, const Parameters<T>& p,
                GradientsDone<T>& done) const override {
    const std::uint32_t group = p.list().unit(part_.unit).group;
    const Access g = update(p.gradient(group));
    const char* name = "convolution_relu_back";
    if (dx_)
      r.each(shards, make_kernel(name, nn::ConvolutionReluBackward<T>{place(p)}, cost(2)), read(x_), read(y_),
             update(dy_), read(p.weights(group), whole()), g, write(*dx_));
    else
      r.each(shards, make_kernel(name, nn::ConvolutionReluBackwardFirst<T>{place(p)}, cost(1)), read(x_),
             read(y_), update(dy_), g);
    if (part_.is_last) done.unit(r, part_.unit);
  }

 private:
  nn::ConvolutionPlace place(const Parameters<T>& p) const {
    const auto& at = p.list().unit(part_.unit).offsets;
    return {shape_, at[part_.first], at[part_.first + 1]};
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
    r.each(shards, make_kernel("max_pool", nn::MaxPoolForward<T>{shape_}, cost()), read(x_), write(y_));
  }
  void backward(Recorder& r, const Shards& shards, const Parameters<T>&, GradientsDone<T>&) const override {
    r.each(shards, make_kernel("max_pool_back", nn::MaxPoolBackward<T>{shape_}, cost()), read(x_), read(dy_),
           write(dx_));
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
