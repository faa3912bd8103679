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
    const Offsets at = offsets(p);
    const nn::LinearShape shape = o_.shape;
    const nn::RowsShape rows{shape.rows, shape.out};
    if (o_.activation == Activation::relu)
      r.each(shards,
             make_kernel(
                 "linear_relu",
                 [=](In<T> x, Whole<T> w, Out<T> y) {
                   nn::linear_forward<T>(shape, x.data, w.data() + at.w, nullptr, nullptr, y.data);
                   nn::bias_relu_forward<T>(rows, w.data() + at.b, y.data);
                 },
                 cost),
             read(o_.x), w, write(o_.y));
    else if (o_.activation == Activation::gelu)
      r.each(shards,
             make_kernel(
                 "linear_gelu",
                 [=](In<T> x, Whole<T> w, Out<T> u, Out<T> y) {
                   nn::linear_forward<T>(shape, x.data, w.data() + at.w, nullptr, nullptr, u.data);
                   nn::bias_gelu_forward<T>(rows, w.data() + at.b, u.data, y.data);
                 },
                 cost),
             read(o_.x), w, write(*o_.u), write(o_.y));
    else if (o_.residual)
      r.each(shards,
             make_kernel(
                 "linear_residual",
                 [=](In<T> x, Whole<T> w, In<T> residual, Out<T> y) {
                   nn::linear_forward<T>(shape, x.data, w.data() + at.w, at.bias(w), residual.data, y.data);
                 },
                 cost),
             read(o_.x), w, read(*o_.residual), write(o_.y));
    else
      r.each(shards,
             make_kernel(
                 "linear",
                 [=](In<T> x, Whole<T> w, Out<T> y) {
                   nn::linear_forward<T>(shape, x.data, w.data() + at.w, at.bias(w), nullptr, y.data);
                 },
                 cost),
             read(o_.x), w, write(o_.y));
  }

  void backward(Recorder& r, const Shards& shards, const Parameters<T>& p,
                GradientsDone<T>& done) const override {
    if (o_.activation == Activation::none)
      record_plain(r, shards, p);
    else
      record_activated(r, shards, p);
    if (o_.part.is_last) done.unit(r, o_.part.unit);
  }

 private:
  struct Offsets {
    std::int64_t w;
    std::int64_t b;  // negative: none
    const T* bias(const Whole<T>& all) const { return b < 0 ? nullptr : all.data() + b; }
    T* bias(const InOut<T>& g) const { return b < 0 ? nullptr : g.data + b; }
  };

  const ParameterList::Unit& unit(const Parameters<T>& p) const { return p.list().unit(o_.part.unit); }
  Offsets offsets(const Parameters<T>& p) const {
    const auto& at = unit(p).offsets;
    return {at[o_.part.first], o_.has_bias ? at[o_.part.first + 1] : -1};
  }
  // What moves if each array is streamed once, `times`: for each product.
  double bytes(double times) const {
    const auto& s = o_.shape;
    return times * sizeof(T) * static_cast<double>(s.rows * (s.in + s.out) + s.in * s.out);
  }

  void record_plain(Recorder& r, const Shards& shards, const Parameters<T>& p) const {
    const Access w = read(p.weights(unit(p).group), whole());
    const Access g = update(p.gradient(unit(p).group));
    const Cost cost{backward_product_flops(), bytes(o_.dx ? 2 : 1)};
    const Offsets at = offsets(p);
    const nn::LinearShape shape = o_.shape;
    if (o_.dx)
      r.each(shards,
             make_kernel(
                 "linear_back",
                 [=](In<T> x, In<T> dy, Whole<T> w, InOut<T> g, Out<T> dx) {
                   nn::linear_backward_weight<T>(shape, x.data, dy.data, nn::Into::write, g.data + at.w,
                                                 at.bias(g));
                   nn::linear_backward_input<T>(shape, dy.data, w.data() + at.w, nn::Into::write, dx.data);
                 },
                 cost),
             read(o_.x), read(o_.dy), w, g, write(*o_.dx));
    else
      r.each(shards,
             make_kernel(
                 "linear_back_first",
                 [=](In<T> x, In<T> dy, InOut<T> g) {
                   nn::linear_backward_weight<T>(shape, x.data, dy.data, nn::Into::write, g.data + at.w,
                                                 at.bias(g));
                 },
                 cost),
             read(o_.x), read(o_.dy), g);
  }

  void record_activated(Recorder& r, const Shards& shards, const Parameters<T>& p) const {
    const Access w = read(p.weights(unit(p).group), whole());
    const Access g = update(p.gradient(unit(p).group));
    const Cost cost{backward_product_flops(), bytes(o_.dx ? 2 : 1)};
    const Offsets at = offsets(p);
    const nn::LinearShape shape = o_.shape;
    const nn::RowsShape rows{shape.rows, shape.out};
    const bool relu = o_.activation == Activation::relu;
    const Sharded<T>& output = relu ? o_.y : *o_.u;  // what the derivative is computed from
    const auto activation = [=](const T* from, T* dy, T* db) {
      if (relu)
        nn::bias_relu_backward<T>(rows, from, dy, dy, db);
      else
        nn::bias_gelu_backward<T>(rows, from, dy, dy, db);
    };
    const char* name = relu ? "linear_relu_back" : "linear_gelu_back";
    if (o_.dx)
      r.each(shards,
             make_kernel(
                 name,
                 [=](In<T> x, In<T> from, InOut<T> dy, Whole<T> w, InOut<T> g, Out<T> dx) {
                   activation(from.data, dy.data, g.data + at.b);
                   nn::linear_backward_weight<T>(shape, x.data, dy.data, nn::Into::write, g.data + at.w,
                                                 nullptr);
                   nn::linear_backward_input<T>(shape, dy.data, w.data() + at.w, nn::Into::write, dx.data);
                 },
                 cost),
             read(o_.x), read(output), update(o_.dy), w, g, write(*o_.dx));
    else
      r.each(shards,
             make_kernel(
                 name,
                 [=](In<T> x, In<T> from, InOut<T> dy, InOut<T> g) {
                   activation(from.data, dy.data, g.data + at.b);
                   nn::linear_backward_weight<T>(shape, x.data, dy.data, nn::Into::write, g.data + at.w,
                                                 nullptr);
                 },
                 cost),
             read(o_.x), read(output), update(o_.dy), g);
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
