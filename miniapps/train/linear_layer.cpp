#include "miniapps/train/layers.hpp"

using namespace tutti;

namespace {

template <class T>
class Linear : public Layer<T> {
 public:
  explicit Linear(const LinearOptions<T>& options) : o_(options) {}
  double product_flops() const override { return o_.shape.flops(); }
  double backward_product_flops() const override { return (o_.dx ? 2 : 1) * o_.shape.flops(); }

  void forward(Recorder& r, const Shards& shards, const Parameters<T>& p) const override {
    const Access w = read(p.weights(unit(p).group), whole());
    const Cost cost{product_flops(), bytes(1)};
    const nn::LinearPlace at = place(p);
    if (o_.activation == Activation::relu)
      r.each(shards, make_kernel("linear_relu", nn::LinearReluForward<T>{at}, cost), read(o_.x), w,
             write(o_.y));
    else if (o_.activation == Activation::gelu)
      r.each(shards, make_kernel("linear_gelu", nn::LinearGeluForward<T>{at}, cost), read(o_.x), w,
             write(*o_.u), write(o_.y));
    else if (o_.residual)
      r.each(shards, make_kernel("linear_residual", nn::LinearResidualForward<T>{at}, cost), read(o_.x), w,
             read(*o_.residual), write(o_.y));
    else
      r.each(shards, make_kernel("linear", nn::LinearForward<T>{at}, cost), read(o_.x), w, write(o_.y));
  }

  void backward(Recorder& r, const Shards& shards, const Parameters<T>& p,
                GradientsDone<T>& done) const override {
    if (o_.activation == Activation::none)
      record_plain(r, shards, p);
    else if (o_.activation == Activation::relu)
      record_activated<Activation::relu>(r, shards, p, "linear_relu_back", o_.y);
    else
      record_activated<Activation::gelu>(r, shards, p, "linear_gelu_back", *o_.u);
    if (o_.part.is_last) done.unit(r, o_.part.unit);
  }

 private:
  const ParameterList::Unit& unit(const Parameters<T>& p) const { return p.list().unit(o_.part.unit); }
  nn::LinearPlace place(const Parameters<T>& p) const {
    const auto& at = unit(p).offsets;
    return {o_.shape, at[o_.part.first], o_.has_bias ? at[o_.part.first + 1] : -1};
  }
  // What moves if each array is streamed once, `times`: for each product.
  double bytes(double times) const {
    const auto& s = o_.shape;
    return times * sizeof(T) * static_cast<double>(s.rows * (s.in + s.out) + s.in * s.out);
  }

  void record_plain(Recorder& r, const Shards& shards, const Parameters<T>& p) const {
    const Access g = update(p.gradient(unit(p).group));
    const Cost cost{backward_product_flops(), bytes(o_.dx ? 2 : 1)};
    const nn::LinearPlace at = place(p);
    if (o_.dx)
      r.each(shards, make_kernel("linear_back", nn::LinearBackward<T>{at}, cost), read(o_.x), read(o_.dy),
             read(p.weights(unit(p).group), whole()), g, write(*o_.dx));
    else
      r.each(shards, make_kernel("linear_back_first", nn::LinearBackwardFirst<T>{at}, cost), read(o_.x),
             read(o_.dy), g);
  }

  template <Activation activation>
  void record_activated(Recorder& r, const Shards& shards, const Parameters<T>& p, const char* name,
                        const Sharded<T>& from) const {
    const Access g = update(p.gradient(unit(p).group));
    const Cost cost{backward_product_flops(), bytes(o_.dx ? 2 : 1)};
    const nn::LinearPlace at = place(p);
    if (o_.dx)
      r.each(shards, make_kernel(name, nn::ActivatedBackward<T, activation>{at}, cost), read(o_.x),
             read(from), update(o_.dy), read(p.weights(unit(p).group), whole()), g, write(*o_.dx));
    else
      r.each(shards, make_kernel(name, nn::ActivatedBackwardFirst<T, activation>{at}, cost), read(o_.x),
             read(from), update(o_.dy), g);
  }

  LinearOptions<T> o_;
};

}  // namespace

template <class T>
LayerPointer<T> make_linear(const LinearOptions<T>& options) {
  return std::make_unique<Linear<T>>(options);
}

template LayerPointer<float> make_linear(const LinearOptions<float>&);
template LayerPointer<double> make_linear(const LinearOptions<double>&);
