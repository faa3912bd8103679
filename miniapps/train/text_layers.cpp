#include "miniapps/train/layers.hpp"

using namespace tutti;

namespace {

template <class T>
class LayerNorm : public Layer<T> {
 public:
  LayerNorm(const nn::RowsShape& shape, const UnitPart& part, const Sharded<T>& x, const Sharded<T>& y,
            const Sharded<T>& statistics, const Sharded<T>& dy, const Sharded<T>& dx, nn::Into into)
      : shape_(shape), part_(part), x_(x), y_(y), statistics_(statistics), dy_(dy), dx_(dx), into_(into) {}

  void forward(Recorder& r, const Shards& shards, const Parameters<T>& p) const override {
    const auto& unit = p.list().unit(part_.unit);
    const std::int64_t gain = unit.offsets[part_.first], bias = unit.offsets[part_.first + 1];
    r.each(shards,
           make_kernel(
               "layer_norm",
               [=, s = shape_](In<T> x, Whole<T> w, Out<T> y, Out<T> statistics) {
                 nn::layer_norm_forward<T>(s, x.data, w.data() + gain, w.data() + bias, y.data,
                                           statistics.data);
               },
               cost(7, 2)),
           read(x_), read(p.weights(unit.group), whole()), write(y_), write(statistics_));
  }
  void backward(Recorder& r, const Shards& shards, const Parameters<T>& p,
                GradientsDone<T>& done) const override {
    const auto& unit = p.list().unit(part_.unit);
    const std::int64_t gain = unit.offsets[part_.first], bias = unit.offsets[part_.first + 1];
    const auto body = [=, s = shape_](const In<T>& x, const In<T>& statistics, const In<T>& dy,
                                      const Whole<T>& w, const InOut<T>& g, nn::Into into, T* dx) {
      nn::layer_norm_backward<T>(s, x.data, w.data() + gain, statistics.data, dy.data, into, dx,
                                 g.data + gain, g.data + bias);
    };
    const Access w = read(p.weights(unit.group), whole());
    const Access g = update(p.gradient(unit.group));
    if (into_ == nn::Into::add)
      r.each(shards,
             make_kernel(
                 "layer_norm_back",
                 [=](In<T> x, In<T> statistics, In<T> dy, Whole<T> w, InOut<T> g, InOut<T> dx) {
                   body(x, statistics, dy, w, g, nn::Into::add, dx.data);
                 },
                 cost(14, 4)),
             read(x_), read(statistics_), read(dy_), w, g, update(dx_));
    else
      r.each(shards,
             make_kernel(
                 "layer_norm_back",
                 [=](In<T> x, In<T> statistics, In<T> dy, Whole<T> w, InOut<T> g, Out<T> dx) {
                   body(x, statistics, dy, w, g, nn::Into::write, dx.data);
                 },
                 cost(14, 3)),
             read(x_), read(statistics_), read(dy_), w, g, write(dx_));
    if (part_.is_last) done.unit(r, part_.unit);
  }

 private:
  Cost cost(double flops, double arrays) const {
    const double values = static_cast<double>(shape_.rows * shape_.columns);
    return {flops * values, arrays * sizeof(T) * values};
  }
  nn::RowsShape shape_;
  UnitPart part_;
  Sharded<T> x_, y_, statistics_, dy_, dx_;
  nn::Into into_;
};

template <class T>
class Attention : public Layer<T> {
 public:
  Attention(const nn::AttentionShape& shape, const Sharded<T>& qkv, const Sharded<T>& y,
            const Sharded<T>& log_sums, const Sharded<T>& dy, const Sharded<T>& dqkv)
      : shape_(shape), qkv_(qkv), y_(y), log_sums_(log_sums), dy_(dy), dqkv_(dqkv) {}
  double product_flops() const override { return shape_.flops(); }
  double backward_product_flops() const override { return 2.5 * shape_.flops(); }

  void forward(Recorder& r, const Shards& shards, const Parameters<T>&) const override {
    r.each(shards,
           make_kernel("attention",
                       [s = shape_](In<T> qkv, Out<T> y, Out<T> log_sums) {
                         nn::attention_forward<T>(s, qkv.data, y.data, log_sums.data);
                       },
                       {product_flops(), bytes(4)}),
           read(qkv_), write(y_), write(log_sums_));
  }
  void backward(Recorder& r, const Shards& shards, const Parameters<T>&, GradientsDone<T>&) const override {
    r.each(shards,
           make_kernel("attention_back",
                       [s = shape_](In<T> qkv, In<T> y, In<T> log_sums, In<T> dy, Out<T> dqkv) {
                         nn::attention_backward<T>(s, qkv.data, y.data, log_sums.data, dy.data, dqkv.data);
                       },
                       {backward_product_flops(), bytes(8)}),
           read(qkv_), read(y_), read(log_sums_), read(dy_), write(dqkv_));
  }

 private:
  double bytes(double arrays) const { return arrays * sizeof(T) * static_cast<double>(y_.elements()); }
  nn::AttentionShape shape_;
  Sharded<T> qkv_, y_, log_sums_, dy_, dqkv_;
};

template <class T>
class Embedding : public Layer<T> {
 public:
  Embedding(const nn::EmbeddingShape& shape, const UnitPart& part, const Sharded<std::int32_t>& tokens,
            const Sharded<T>& x, const Sharded<T>& dx)
      : shape_(shape), part_(part), tokens_(tokens), x_(x), dx_(dx) {}

  void forward(Recorder& r, const Shards& shards, const Parameters<T>& p) const override {
    const auto& unit = p.list().unit(part_.unit);
    const std::int64_t token = unit.offsets[part_.first], position = unit.offsets[part_.first + 1];
    r.each(shards,
           make_kernel(
               "embedding",
               [=, s = shape_](In<std::int32_t> tokens, Whole<T> w, Out<T> x) {
                 nn::embedding_forward<T>(s, tokens.data, w.data() + token, w.data() + position, x.data);
               },
               cost()),
           read(tokens_), read(p.weights(unit.group), whole()), write(x_));
  }
  void backward(Recorder& r, const Shards& shards, const Parameters<T>& p,
                GradientsDone<T>& done) const override {
    const auto& unit = p.list().unit(part_.unit);
    const std::int64_t token = unit.offsets[part_.first], position = unit.offsets[part_.first + 1];
    r.each(shards,
           make_kernel(
               "embedding_back",
               [=, s = shape_](In<std::int32_t> tokens, In<T> dx, InOut<T> g) {
                 nn::embedding_backward<T>(s, tokens.data, dx.data, nn::Into::add, g.data + token,
                                           g.data + position);
               },
               cost()),
           read(tokens_), read(dx_), update(p.gradient(unit.group)));
    if (part_.is_last) done.unit(r, part_.unit);
  }

 private:
  Cost cost() const {
    const double values = static_cast<double>(x_.elements());
    return {values, 3 * sizeof(T) * values};
  }
  nn::EmbeddingShape shape_;
  UnitPart part_;
  Sharded<std::int32_t> tokens_;
  Sharded<T> x_, dx_;
};

}  // namespace

template <class T>
LayerPointer<T> make_layer_norm(const nn::RowsShape& shape, const UnitPart& part, const Sharded<T>& x,
                                const Sharded<T>& y, const Sharded<T>& statistics, const Sharded<T>& dy,
                                const Sharded<T>& dx, nn::Into into) {
  return std::make_unique<LayerNorm<T>>(shape, part, x, y, statistics, dy, dx, into);
}
template <class T>
LayerPointer<T> make_attention(const nn::AttentionShape& shape, const Sharded<T>& qkv, const Sharded<T>& y,
                               const Sharded<T>& log_sums, const Sharded<T>& dy, const Sharded<T>& dqkv) {
  return std::make_unique<Attention<T>>(shape, qkv, y, log_sums, dy, dqkv);
}
template <class T>
LayerPointer<T> make_embedding(const nn::EmbeddingShape& shape, const UnitPart& part,
                               const Sharded<std::int32_t>& tokens, const Sharded<T>& x,
                               const Sharded<T>& dx) {
  return std::make_unique<Embedding<T>>(shape, part, tokens, x, dx);
}

#define TUTTI_INSTANTIATE(T)                                                                               \
  template LayerPointer<T> make_layer_norm(const nn::RowsShape&, const UnitPart&, const Sharded<T>&,       \
                                           const Sharded<T>&, const Sharded<T>&, const Sharded<T>&,        \
                                           const Sharded<T>&, nn::Into);                                   \
  template LayerPointer<T> make_attention(const nn::AttentionShape&, const Sharded<T>&, const Sharded<T>&, \
                                          const Sharded<T>&, const Sharded<T>&, const Sharded<T>&);        \
  template LayerPointer<T> make_embedding(const nn::EmbeddingShape&, const UnitPart&,                      \
                                          const Sharded<std::int32_t>&, const Sharded<T>&,                 \
                                          const Sharded<T>&)
TUTTI_INSTANTIATE(float);
TUTTI_INSTANTIATE(double);
#undef TUTTI_INSTANTIATE
