// The sum over shards of the gradient of a dense stack: blocks of it stay in registers while they are added
// up.
#include <algorithm>
#include <array>

#include "kernels/nn/dense_stack.hpp"
#include "kernels/nn/gemm_block.hpp"

namespace tutti::kernels::nn {
namespace {

/// The gradient of a layer: for each shard x^T dy, of w [in x out]; and, as row `in` of that, the column sums
/// of dy, of b: the product for an input that is always 1.
template <class T>
class LayerGradient {
 public:
  LayerGradient(const LinearShape& shape, std::int64_t input_at, std::int64_t derivative_at,
                const ShardTree& tree, const Inputs<T>& traces)
      : shape_(shape),
        input_at_(input_at),
        derivative_at_(derivative_at),
        merges_(tree.merges()),
        traces_(traces) {}

  std::int64_t size() const { return (shape_.in + 1) * shape_.out; }
  /// Elements `begin` ... `end` of w and then b.
  void write(std::int64_t begin, std::int64_t end, T* to) const {
    const std::int64_t out = shape_.out;
    while (begin < end) {
      const std::int64_t row = begin / out, weights = std::min(shape_.in, end / out) - row;
      if (begin % out == 0 && weights > 0) {
        rows(row, weights, to);
        begin += weights * out;
        to += weights * out;
        continue;
      }
      T* const whole = scratch<T>(slot_stack, out);
      rows(row, 1, whole);
      const std::int64_t stop = std::min(end, (row + 1) * out);
      to = std::copy(whole + begin % out, whole + begin % out + stop - begin, to);
      begin = stop;
    }
  }

 private:
  void rows(std::int64_t row, std::int64_t count, T* to) const {
    constexpr std::int64_t lanes = vector_lanes<T>;
    each_block(count, [&](auto r, std::int64_t i) TUTTI_INLINE {
      T* const c = to + i * shape_.out;
      std::int64_t j = 0;
      for (; j + 2 * lanes <= shape_.out; j += 2 * lanes) block<r, 2, false>(row + i, j, c + j, 0);
      if (j + lanes < shape_.out)
        block<r, 2, true>(row + i, j, c + j, shape_.out - j - lanes);
      else if (j < shape_.out)
        block<r, 1, true>(row + i, j, c + j, shape_.out - j);
    });
  }

  template <int R, int V, bool Part>
  void block(std::int64_t row, std::int64_t column, T* c, std::int64_t last) const {
    constexpr int lanes = vector_lanes<T>;
    static constexpr T one = 1;
    const bool is_bias = row == shape_.in;
    const std::int64_t step = is_bias ? 0 : shape_.in;
    const std::int64_t most =
        is_bias ? shape_.rows : k_block;  // that own_gemm and column sums add up at once
    T open[ShardTree::most_open + 1][R * V * lanes];
    std::size_t top = 0;
    Sums<R, V, T> sum;
    for (std::size_t s = 0;; ++s) {
      const T* const x = is_bias ? &one : traces_[s].data + input_at_ + row;
      const T* const dy = traces_[s].data + derivative_at_ + column;
      for (std::int64_t k = 0;; k += most) {
        multiply<R, V, true, Part>(std::min(most, shape_.rows - k), x + k * step, step, dy + k * shape_.out,
                                   shape_.out, last, sum);
        if (k > 0) add<R, V>(open[top], sum);
        if (k + most >= shape_.rows) break;
        keep_open<R, V>(sum, open[top]);
      }
      for (std::uint8_t m = merges_[s]; m > 0; --m) add<R, V>(open[--top], sum);
      if (s + 1 == merges_.size()) break;
      keep_open<R, V>(sum, open[top++]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        T* const at = c + r * shape_.out + v * lanes;
        if (Part && v == V - 1)
          store_part(at, sum[r][v], last);
        else
          store(at, sum[r][v]);
      }
  }

  template <int R, int V>
  [[gnu::always_inline]] static void keep_open(const Sums<R, V, T>& sum, T* to) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) store(to + (r * V + v) * vector_lanes<T>, sum[r][v]);
  }
  template <int R, int V>
  [[gnu::always_inline]] static void add(const T* from, Sums<R, V, T>& to) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) to[r][v] += load(from + (r * V + v) * vector_lanes<T>);
  }

  const LinearShape& shape_;
  std::int64_t input_at_, derivative_at_;
  const std::vector<std::uint8_t>& merges_;
  const Inputs<T>& traces_;
};

}  // namespace

template <class T>
void DenseStackGradient<T>::operator()(const Inputs<T>& traces, const Box& segment, T* to) const {
  std::int64_t input_at = 0, derivative_at = stack.input_at(stack.layers.size());
  for (const LinearPlace& at : stack.layers) {
    const LayerGradient<T> layer(at.shape, input_at, derivative_at, tree, traces);
    const std::int64_t begin = std::max(segment.lo[2], at.w),
                       end = std::min(segment.hi[2], at.w + layer.size());
    if (begin < end) layer.write(begin - at.w, end - at.w, to + begin - segment.lo[2]);
    input_at += DenseStack::inputs(at);
    derivative_at += DenseStack::outputs(at);
  }
}

template struct DenseStackGradient<float>;
template struct DenseStackGradient<double>;

}  // namespace tutti::kernels::nn
