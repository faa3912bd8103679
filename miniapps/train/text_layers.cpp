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
    r.each(shards, make_kernel("layer_norm", nn::LayerNormForward<T>{place(p)}, cost(7, 2)), read(x_),
           weights(p), write(y_), write(statistics_));
  }
  void backward(Recorder& r, const Shards& shards, const Parameters<T>& p,
                GradientsDone<T>& done) const override {
    const Access g = update(p.gradient(p.list().unit(part_.unit).group));
    if (into_ == nn::Into::add)
      r.each(shards, make_kernel("layer_norm_back", nn::LayerNormBackwardAdd<T>{place(p)}, cost(14, 4)),
             read(x_), read(statistics_), read(dy_), weights(p), g, update(dx_));
    else
      r.each(shards, make_kernel("layer_norm_back", nn::LayerNormBackward<T>{place(p)}, cost(14, 3)),
             read(x_), read(statistics_), read(dy_), weights(p), g, write(dx_));
    if (part_.is_last) done.unit(r, part_.unit);
  }

 private:
  Access weights(const Parameters<T>& p) const {
    return read(p.weights(p.list().unit(part_.unit).group), whole());
  }
  nn::LayerNormPlace place(const Parameters<T>& p) const {
    const auto& at = p.list().unit(part_.unit).offsets;
    return {shape_, at[part_.first], at[part_.first + 1]};
  }
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
    r.each(shards, make_kernel("attention", nn::AttentionForward<T>{shape_}, {product_flops(), bytes(4)}),
           read(qkv_), write(y_), write(log_sums_));
  }
  void backward(Recorder& r, const Shards& shards, const Parameters<T>&, GradientsDone<T>&) const override {
    r.each(
        shards,
        make_kernel("attention_back", nn::AttentionBackward<T>{shape_}, {backward_product_flops(), bytes(8)}),
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
    r.each(shards, make_kernel("embedding", nn::EmbeddingForward<T>{place(p)}, cost()), read(tokens_),
           read(p.weights(p.list().unit(part_.unit).group), whole()), write(x_));
  }
  void backward(Recorder& r, const Shards& shards, const Parameters<T>& p,
                GradientsDone<T>& done) const override {
    r.each(shards, make_kernel("embedding_back", nn::EmbeddingBackward<T>{place(p)}, cost()), read(tokens_),
           read(dx_), update(p.gradient(p.list().unit(part_.unit).group)));
    if (part_.is_last) done.unit(r, part_.unit);
  }

 private:
  nn::EmbeddingPlace place(const Parameters<T>& p) const {
    const auto& at = p.list().unit(part_.unit).offsets;
    return {shape_, at[part_.first], at[part_.first + 1]};
  }
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
