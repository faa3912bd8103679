// The sum over shards of the gradient of a dense stack: blocks of it stay in registers while they are added
// up and, by SGD, change the weights.
#include <algorithm>
#include <vector>

#include "kernels/nn/dense_stack.hpp"
#include "kernels/nn/gemm_block.hpp"

namespace tutti::kernels::nn {
namespace {

/// Uses of a gradient's elements, here of those from `offset` on: as values, so that their pointers stay in
/// registers.
template <class T>
struct Store {
  T* to;
  Store from(std::int64_t offset) const { return {to + offset}; }
  template <class At, class V>
  [[gnu::always_inline]] void operator()(const At& at, const V& gradient) const {
    at.set(to, gradient);
  }
};
template <class T, bool decays>
struct SgdStep {
  SgdRule<T> rule;
  T* velocity;
  T* w;
  SgdStep from(std::int64_t offset) const { return {rule, velocity + offset, w + offset}; }
  template <class At, class V>
  [[gnu::always_inline]] void operator()(const At& at, const V& gradient) const {
    rule.template operator()<decays>(at, gradient, velocity, w);
  }
};

/// Samples that are added up before they are added to others: a shard's, or at most k_block of them.
template <class T>
struct Term {
  const T* x;
  const T* dy;
  std::int64_t samples;
  std::int64_t merges;  ///< after it, the last two open sums become one, this many times
};

/// The sum of terms x^T dy, [rows of x^T][out]. Value (r, k) of x^T is x[k step + r].
template <class T>
struct SumOfProducts {
  const Term<T>* begin;
  const Term<T>* end;
  std::int64_t step;
  std::int64_t out;

  /// use(at, vector) for rows row ... row + count, with `stride` values from one to the next: whole vectors,
  /// the last of a row filled up with zeros.
  template <class Use>
  void rows(std::int64_t row, std::int64_t count, std::int64_t stride, Use use) const {
    constexpr std::int64_t lanes = vector_lanes<T>;
    const SumOfProducts s = *this;
    if (end - begin <= 2 && begin->samples == end[-1].samples && begin->samples <= 4)
      return with_rows<4>(begin->samples, [&](auto samples) TUTTI_INLINE {
        if (end - begin == 1)
          few<1, samples>(s, row, count, stride, use);
        else
          few<2, samples>(s, row, count, stride, use);
      });
    each_block<block_rows / 2>(count, [&](auto r, std::int64_t i) TUTTI_INLINE {
      std::int64_t j = 0, at = i * stride;
      for (; j + 2 * lanes <= s.out; j += 2 * lanes, at += 2 * lanes)
        block<r, 2, false>(s, row + i, j, at, stride, use);
      if (j + lanes < s.out)
        block<r, 2, true>(s, row + i, j, at, stride, use);
      else if (j < s.out)
        block<r, 1, true>(s, row + i, j, at, stride, use);
    });
  }

 private:
  /// Of so few samples, the values of x for a row stay in registers instead.
  template <int terms, int samples, class Use>
  [[gnu::noinline]] static void few(const SumOfProducts s, std::int64_t row, std::int64_t count,
                                    std::int64_t stride, const Use use) {
    const T *x[terms][samples], *dy[terms][samples];
    for (int t = 0; t < terms; ++t)
      for (int k = 0; k < samples; ++k) {
        x[t][k] = s.begin[t].x + k * s.step + row;
        dy[t][k] = s.begin[t].dy + k * s.out;
      }
    for (std::int64_t i = 0; i < count; ++i) {
      Vector<T> factor[terms][samples];
#pragma GCC unroll 2
      for (int t = 0; t < terms; ++t)
#pragma GCC unroll 4
        for (int k = 0; k < samples; ++k) factor[t][k] = x[t][k][i] - Vector<T>{};
      each_vector<T>(s.out, [&](std::int64_t j, const auto& loaded) TUTTI_INLINE {
        Vector<T> sum[terms];
#pragma GCC unroll 2
        for (int t = 0; t < terms; ++t) {
          sum[t] = factor[t][0] * loaded(dy[t][0] + j);
#pragma GCC unroll 4
          for (int k = 1; k < samples; ++k) sum[t] = multiply_add(factor[t][k], loaded(dy[t][k] + j), sum[t]);
        }
        use(VectorAt<T>{i * stride + j}, terms == 2 ? sum[0] + sum[terms - 1] : sum[0]);
      });
    }
  }

  template <int R, int V, bool Part, class Use>
  [[gnu::always_inline]] static void block(const SumOfProducts& s, std::int64_t row, std::int64_t column,
                                           std::int64_t at, std::int64_t stride, const Use& use) {
    constexpr int lanes = vector_lanes<T>;
    const std::int64_t last = Part ? s.out - column - (V - 1) * lanes : 0;
    const auto product = [&](const Term<T>* t, Sums<R, V, T>& sum) TUTTI_INLINE {
      multiply<R, V, true, Part>(t->samples, t->x + row, s.step, t->dy + column, s.out, last, sum);
    };
    Sums<R, V, T> sum;
    const Term<T>* t = s.begin;
    product(t, sum);
    if (++t < s.end) {  // the first two always meet: in registers
      Sums<R, V, T> next;
      product(t, next);
      add<R, V>(next, sum);
      ++t;
    }
    if (t < s.end) [[unlikely]] {
      Sums<R, V, T> open[ShardTree::most_open];
      std::size_t top = 0;
      for (; t < s.end; ++t) {
        copy<R, V>(sum, open[top++]);
        product(t, sum);
        for (std::int64_t merges = t->merges; merges > 0; --merges) add<R, V>(open[--top], sum);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) use(VectorAt<T>{at + r * stride + v * lanes}, sum[r][v]);
  }

  template <int R, int V>
  [[gnu::always_inline]] static void add(const Sums<R, V, T>& from, Sums<R, V, T>& to) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) to[r][v] += from[r][v];
  }
  template <int R, int V>
  [[gnu::always_inline]] static void copy(const Sums<R, V, T>& from, Sums<R, V, T>& to) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) to[r][v] = from[r][v];
  }
};

/// The gradient of a layer: for each shard x^T dy, of w [in x out]; and, as row `in` of that, the column sums
/// of dy, of b: the product for an input that is always 1.
template <class T>
class LayerGradient {
 public:
  LayerGradient(const DenseStackGradient<T>& sum, const LinearShape& shape, std::int64_t input_at,
                std::int64_t derivative_at, const Inputs<T>& traces)
      : shape_(shape) {
    static constexpr T one = 1;
    thread_local std::vector<Term<T>> of_w, of_b;
    of_w.clear();
    of_b.clear();
    for (std::size_t s = 0; s < sum.tree.merges().size(); ++s) {
      const T* const x = traces[s].data + input_at;
      const T* const dy = traces[s].data + derivative_at;
      for (std::int64_t k = 0; k < shape.rows; k += k_block)  // as own_gemm adds up
        of_w.push_back(
            {x + k * shape.in, dy + k * shape.out, std::min(k_block, shape.rows - k), k > 0 ? 1 : 0});
      of_w.back().merges += sum.tree.merges()[s];
      of_b.push_back({&one, dy, shape.rows, sum.tree.merges()[s]});
    }
    w_ = {of_w.data(), of_w.data() + of_w.size(), shape.in, shape.out};
    b_ = {of_b.data(), of_b.data() + of_b.size(), 0, shape.out};
  }

  static std::int64_t size(const LinearShape& s) { return (s.in + 1) * s.out; }
  /// Elements `begin` ... `end` of w and then b.
  template <class Use>
  void each(std::int64_t begin, std::int64_t end, Use use) const {
    const std::int64_t out = shape_.out, stride = whole_panels<T>(out);
    while (begin < end) {
      const std::int64_t row = begin / out, column = begin % out;
      const std::int64_t rows =
          column > 0 ? 1 : std::max<std::int64_t>(std::min(shape_.in, end / out) - row, 1);
      const std::int64_t count = std::min(rows * out - column, end - begin);
      const bool is_b = row == shape_.in;
      const SumOfProducts<T>& sum = is_b ? b_ : w_;
      if (count == rows * out && out % vector_lanes<T> == 0) {
        sum.rows(is_b ? 0 : row, rows, out, use);
      } else {  // rows of whole vectors, and of these what is wanted
        T* const values = scratch<T>(slot_stack, rows * stride);
        sum.rows(is_b ? 0 : row, rows, stride, Store<T>{values});
        for (std::int64_t r = 1; r < rows; ++r)  // close to each other
          for (std::int64_t j = 0; j < stride; j += vector_lanes<T>)
            store(values + r * out + j, load(values + r * stride + j));
        each_in_lanes<T>(count, [&](auto at) { use(at, at(values + column)); });
      }
      begin += count;
      use = use.from(count);
    }
  }

 private:
  const LinearShape& shape_;
  SumOfProducts<T> w_, b_;
};

/// Elements `begin` ... `end` of the group.
template <class T, class Use>
void each(const DenseStackGradient<T>& g, const Inputs<T>& traces, std::int64_t begin, std::int64_t end,
          const Use& use) {
  std::int64_t input_at = 0, derivative_at = g.stack.input_at(g.stack.layers.size());
  for (const LinearPlace& place : g.stack.layers) {
    const std::int64_t from = std::max(begin, place.w),
                       to = std::min(end, place.w + LayerGradient<T>::size(place.shape));
    if (from < to)
      LayerGradient<T>(g, place.shape, input_at, derivative_at, traces)
          .each(from - place.w, to - place.w, use.from(from - begin));
    input_at += DenseStack::inputs(place);
    derivative_at += DenseStack::outputs(place);
  }
}

}  // namespace

template <class T>
void DenseStackGradient<T>::operator()(const Inputs<T>& traces, const Box& segment, T* to) const {
  each(*this, traces, segment.lo[2], segment.hi[2], Store<T>{to});
}

template <class T>
void DenseStackGradient<T>::sgd(const Inputs<T>& traces, std::int64_t begin, std::int64_t end,
                                const SgdRule<T>& rule, T* velocity, T* w) const {
  if (rule.weight_decay == 0)
    each(*this, traces, begin, end, SgdStep<T, false>{rule, velocity, w});
  else
    each(*this, traces, begin, end, SgdStep<T, true>{rule, velocity, w});
}

template struct DenseStackGradient<float>;
template struct DenseStackGradient<double>;

}  // namespace tutti::kernels::nn
