// Dense layers: products with what stands around them, in as few steps as the library has. Shards whose
// arrays follow each other are one product with many rows; gradients of weights, which each shard has for
// itself, are a batch.
#include <optional>

#include "gpu/nn/nets.hpp"
#include "gpu/nn/product.hpp"

namespace tutti::gpu {
namespace {

namespace nn = kernels::nn;
using nn::Activation;

/// Consecutive parts whose arrays lie at equal distances.
struct Run {
  std::size_t first = 0;
  std::int64_t count = 1;
};

std::int64_t distance(const DeviceLaunch& launch, std::size_t part, std::uint32_t index) {
  return values_of(launch, part + 1, index) - values_of(launch, part, index);
}

std::vector<Run> runs(const DeviceLaunch& launch) {
  const auto arguments = static_cast<std::uint32_t>(launch.kernel.parameters.size());
  std::vector<Run> out;
  for (std::size_t p = 0; p < launch.parts.size(); ++p) {
    bool follows = !out.empty();
    if (follows && out.back().count > 1)
      for (std::uint32_t a = 0; a < arguments; ++a)
        follows &= distance(launch, p - 1, a) == distance(launch, out.back().first, a);
    if (follows)
      ++out.back().count;
    else
      out.push_back({p, 1});
  }
  return out;
}

/// The arrays of a run: of its first part, and from part to part.
class RunArrays {
 public:
  RunArrays(const DeviceLaunch& launch, const Run& run) : launch_(launch), run_(run) {}
  float* first(const PartArray& array) const {
    return values_of(launch_, run_.first, array.index) + array.first;
  }
  std::int64_t stride(const PartArray& array) const {
    return run_.count == 1 ? 0 : distance(launch_, run_.first, array.index);
  }
  Matrix matrix(const PartArray& array, std::int64_t columns, bool transposed = false) const {
    return {first(array), columns, transposed, stride(array)};
  }
  Product product(const PartArray& c, std::int64_t m, std::int64_t n, std::int64_t k) const {
    Product p;
    p.m = m;
    p.n = n;
    p.k = k;
    p.c = first(c);
    p.stride = n;
    p.batch_stride = stride(c);
    p.batch = run_.count;
    return p;
  }

 private:
  const DeviceLaunch& launch_;
  Run run_;
};

/// Where a forward pass finds its arrays: x is the first argument, w the second.
struct ForwardArrays {
  std::uint32_t y = 2;
  std::optional<std::uint32_t> residual{};
  Activation activation = Activation::none;
  std::optional<std::uint32_t> before{};  ///< GELU: what it is applied to
};

std::unique_ptr<CudaLaunch> forward(const DeviceLaunch& launch, const nn::LinearPlace& at,
                                    const ForwardArrays& arrays) {
  const nn::LinearShape& s = at.shape;
  auto steps = std::make_unique<Steps>();
  bool all_fused = true;
  for (const Run& run : runs(launch)) {
    const RunArrays of(launch, run);
    Product product = of.product({arrays.y}, s.rows, s.out, s.in);
    product.a = of.matrix({0}, s.in);
    product.b = of.matrix({1, at.w}, s.transposed ? s.in : s.out, s.transposed);
    Epilogue epilogue;
    epilogue.activation = arrays.activation;
    if (at.b >= 0) epilogue.bias = of.first({1, at.b});
    if (arrays.residual) epilogue.residual = of.first({*arrays.residual});
    if (arrays.before) epilogue.before = of.first({*arrays.before});
    const bool same_places = (!arrays.residual || of.stride({*arrays.residual}) == product.batch_stride) &&
                             (!arrays.before || of.stride({*arrays.before}) == product.batch_stride);
    Step step = same_places ? multiply(merged(product), epilogue) : nullptr;
    if (step == nullptr) {
      all_fused = false;
      break;
    }
    steps->add(std::move(step));
  }
  if (all_fused) return steps;

  // what the library cannot do at once: the product alone, and a step for the rest
  steps = std::make_unique<Steps>();
  const std::uint32_t to = arrays.before.value_or(arrays.y);
  for (const Run& run : runs(launch)) {
    const RunArrays of(launch, run);
    Product product = of.product({to}, s.rows, s.out, s.in);
    product.a = of.matrix({0}, s.in);
    product.b = of.matrix({1, at.w}, s.transposed ? s.in : s.out, s.transposed);
    steps->add(multiply(merged(product), {}));
  }
  const nn::RowsShape rows = at.outputs();
  if (arrays.residual)
    steps->add(add_values(launch, rows.rows * rows.columns, {*arrays.residual}, {arrays.y}));
  if (at.b >= 0 || arrays.activation != Activation::none)
    steps->add(add_bias(launch, rows, arrays.activation, {1, at.b}, {to}, {arrays.y}));
  return steps;
}

/// dw, and db if `db` is an array of the gradients.
void add_weight_gradient(Steps& steps, const DeviceLaunch& launch, const nn::LinearPlace& at, PartArray dy,
                         std::uint32_t g, bool wants_bias) {
  const nn::LinearShape& s = at.shape;
  bool bias_is_there = true;
  for (const Run& run : runs(launch)) {
    const RunArrays of(launch, run);
    Product product = s.transposed ? of.product({g, at.w}, s.out, s.in, s.rows)
                                   : of.product({g, at.w}, s.in, s.out, s.rows);
    product.a = s.transposed ? of.matrix(dy, s.out, true) : of.matrix({0}, s.in, true);
    product.b = s.transposed ? of.matrix({0}, s.in) : of.matrix(dy, s.out);
    Step step;
    if (wants_bias && !s.transposed) {
      Epilogue epilogue;
      epilogue.column_sums = of.first({g, at.b});
      epilogue.column_sums_stride = of.stride({g, at.b});
      step = multiply(product, epilogue);
    }
    if (step == nullptr) {
      bias_is_there = false;
      step = multiply(product, {});
    }
    steps.add(std::move(step));
  }
  if (wants_bias && !bias_is_there) steps.add(sum_columns(launch, at.outputs(), dy, {g, at.b}));
}

/// dx = dy w^T
void add_input_gradient(Steps& steps, const DeviceLaunch& launch, const nn::LinearPlace& at, PartArray dy,
                        std::uint32_t w, std::uint32_t dx) {
  const nn::LinearShape& s = at.shape;
  for (const Run& run : runs(launch)) {
    const RunArrays of(launch, run);
    Product product = of.product({dx}, s.rows, s.in, s.out);
    product.a = of.matrix(dy, s.out);
    product.b = of.matrix({w, at.w}, s.transposed ? s.in : s.out, !s.transposed);
    steps.add(multiply(merged(product), {}));
  }
}

// x, dy, (w,) g(, dx)
template <class F, bool wants_input>
std::unique_ptr<CudaLaunch> backward(const DeviceLaunch& launch) {
  const nn::LinearPlace& at = functor_of<F>(launch).at;
  auto steps = std::make_unique<Steps>();
  add_weight_gradient(*steps, launch, at, {1}, wants_input ? 3 : 2, at.b >= 0);
  if (wants_input) add_input_gradient(*steps, launch, at, {1}, 2, 4);
  return steps;
}

// x, from, dy, (w,) g(, dx)
template <class F, Activation activation, bool wants_input>
std::unique_ptr<CudaLaunch> activated_backward(const DeviceLaunch& launch) {
  const nn::LinearPlace& at = functor_of<F>(launch).at;
  const std::uint32_t g = wants_input ? 4 : 3;
  auto steps = std::make_unique<Steps>();
  steps->add(activation_backward(launch, at.outputs(), activation, {1}, {2}, {g, at.b}));
  add_weight_gradient(*steps, launch, at, {2}, g, false);
  if (wants_input) add_input_gradient(*steps, launch, at, {2}, 3, 5);
  return steps;
}

template <class F>
const nn::LinearPlace& place(const DeviceLaunch& launch) {
  return functor_of<F>(launch).at;
}

template <Activation activation>
void add_activated(BodyTable& table) {
  using Inner = nn::ActivatedBackward<float, activation>;
  using First = nn::ActivatedBackwardFirst<float, activation>;
  table.add<Inner>(&activated_backward<Inner, activation, true>);
  table.add<First>(&activated_backward<First, activation, false>);
}

}  // namespace

void add_linear(BodyTable& table) {
  table.add<nn::LinearForward<float>>(
      [](const DeviceLaunch& l) { return forward(l, place<nn::LinearForward<float>>(l), {}); });
  table.add<nn::LinearResidualForward<float>>([](const DeviceLaunch& l) {
    return forward(l, place<nn::LinearResidualForward<float>>(l), {.y = 3, .residual = 2});
  });
  table.add<nn::LinearReluForward<float>>([](const DeviceLaunch& l) {
    return forward(l, place<nn::LinearReluForward<float>>(l), {.activation = Activation::relu});
  });
  table.add<nn::LinearGeluForward<float>>([](const DeviceLaunch& l) {
    return forward(l, place<nn::LinearGeluForward<float>>(l),
                   {.y = 3, .activation = Activation::gelu, .before = 2});
  });
  table.add<nn::LinearBackward<float>>(&backward<nn::LinearBackward<float>, true>);
  table.add<nn::LinearBackwardFirst<float>>(&backward<nn::LinearBackwardFirst<float>, false>);
  add_activated<Activation::relu>(table);
  add_activated<Activation::gelu>(table);
}

}  // namespace tutti::gpu
