// Layers of kernels/nn against their references in float64 and against central differences of these.
#include "tests/unit/nn_cases.hpp"

using namespace tutti::kernels::nn;
using namespace tutti::kernels::nn::testing;

template <class T>
struct NnLayers : ::testing::Test {};
using Precisions = ::testing::Types<float, double>;
TYPED_TEST_SUITE(NnLayers, Precisions);

TYPED_TEST(NnLayers, Linear) {
  using T = TypeParam;
  for (const bool transposed : {false, true})
    for (const LinearShape s : {LinearShape{1, 1, 1, transposed}, LinearShape{5, 7, 3, transposed},
                                LinearShape{13, 9, 37, transposed}}) {
      Values x = random_values(s.rows * s.in, 1), w = random_values(s.in * s.out, 2),
             b = random_values(s.out, 3);
      const Values residual = random_values(s.rows * s.out, 4), dy = random_values(s.rows * s.out, 5);
      const auto x_t = as<T>(x), w_t = as<T>(w), b_t = as<T>(b), residual_t = as<T>(residual),
                 dy_t = as<T>(dy);
      std::vector<T> y(s.rows * s.out, T(NAN));
      linear_forward<T>(s, x_t.data(), w_t.data(), b_t.data(), nullptr, y.data());
      Values expected = reference::linear(s, x, w, b);
      expect_near(y, expected);
      linear_forward<T>(s, x_t.data(), w_t.data(), nullptr, nullptr, y.data());
      expect_near(y, reference::linear(s, x, w, Values(s.out)));
      y = residual_t;
      linear_forward<T>(s, x_t.data(), w_t.data(), b_t.data(), y.data(), y.data());
      for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += residual[i];
      expect_near(y, expected);

      const auto loss = [&] { return weighted(reference::linear(s, x, w, b), dy); };
      std::vector<T> dx(x.size(), T(NAN)), dw(w.size(), T(NAN)), db(b.size(), T(NAN));
      linear_backward_input<T>(s, dy_t.data(), w_t.data(), Into::write, dx.data());
      linear_backward_weight<T>(s, x_t.data(), dy_t.data(), Into::write, dw.data(), db.data());
      Values of_x = differences(x, loss), of_w = differences(w, loss), of_b = differences(b, loss);
      expect_near(dx, of_x, gradient_tolerance<T>);
      expect_near(dw, of_w, gradient_tolerance<T>);
      expect_near(db, of_b, gradient_tolerance<T>);
      linear_backward_input<T>(s, dy_t.data(), w_t.data(), Into::add, dx.data());
      linear_backward_weight<T>(s, x_t.data(), dy_t.data(), Into::add, dw.data(), db.data());
      for (Values* v : {&of_x, &of_w, &of_b})
        for (double& d : *v) d *= 2;
      expect_near(dx, of_x, gradient_tolerance<T>);
      expect_near(dw, of_w, gradient_tolerance<T>);
      expect_near(db, of_b, gradient_tolerance<T>);
    }
}

TYPED_TEST(NnLayers, Activations) {
  using T = TypeParam;
  const RowsShape s{7, 37};
  Values x = random_values(s.rows * s.columns, 1, 3), b = random_values(s.columns, 2);
  const Values dy = random_values(s.rows * s.columns, 3);
  Values sum = x;
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += b[i % b.size()];
  const auto u = as<T>(sum), dy_t = as<T>(dy);
  std::vector<T> y(x.size()), du(x.size()), db(b.size());

  gelu_forward<T>(s, u.data(), y.data());
  expect_near(y, reference::gelu(s, x, b));
  bias_gelu_backward<T>(s, u.data(), dy_t.data(), du.data(), db.data());
  const auto gelu_loss = [&] { return weighted(reference::gelu(s, x, b), dy); };
  expect_near(du, differences(x, gelu_loss), gradient_tolerance<T>);
  expect_near(db, differences(b, gelu_loss), gradient_tolerance<T>);

  y = u;
  relu_forward<T>(s, y.data());
  expect_near(y, reference::relu(s, x, b));
  du = dy_t;  // in place
  bias_relu_backward<T>(s, y.data(), du.data(), du.data(), db.data());
  const auto relu_loss = [&] { return weighted(reference::relu(s, x, b), dy); };
  expect_near(du, differences(x, relu_loss), gradient_tolerance<T>);
  expect_near(db, differences(b, relu_loss), gradient_tolerance<T>);

  const std::vector<T> before = y;
  add<T>(static_cast<std::int64_t>(y.size()), before.data(), dy_t.data(), y.data());
  for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], before[i] + dy_t[i]);
}

TYPED_TEST(NnLayers, GeluFarFromZero) {
  using T = TypeParam;
  std::vector<T> u = {T(-1e30), T(-100), T(-20), T(0), T(20), T(100), T(1e30)}, y(u.size()), du(u.size());
  const std::vector<T> ones(u.size(), T(1));
  const RowsShape s{1, static_cast<std::int64_t>(u.size())};
  gelu_forward<T>(s, u.data(), y.data());
  bias_gelu_backward<T>(s, u.data(), ones.data(), du.data(), nullptr);
  for (std::size_t i = 0; i < u.size(); ++i) {
    EXPECT_NEAR(y[i], u[i] < 0 ? T(0) : u[i], 1e-50) << u[i];
    EXPECT_NEAR(du[i], u[i] < 0 ? T(0) : u[i] == 0 ? T(0.5) : T(1), 1e-50) << u[i];
  }
}

TYPED_TEST(NnLayers, LayerNorm) {
  using T = TypeParam;
  for (const RowsShape s : {RowsShape{3, 2}, RowsShape{5, 37}, RowsShape{2, 128}}) {
    Values x = random_values(s.rows * s.columns, 1, 2), gain = random_values(s.columns, 2),
           bias = random_values(s.columns, 3);
    const Values dy = random_values(s.rows * s.columns, 4);
    const auto x_t = as<T>(x), gain_t = as<T>(gain), bias_t = as<T>(bias), dy_t = as<T>(dy);
    std::vector<T> y(x.size()), statistics(2 * s.rows), dx(x.size()), dgain(s.columns), dbias(s.columns);
    layer_norm_forward<T>(s, x_t.data(), gain_t.data(), bias_t.data(), y.data(), statistics.data());
    expect_near(y, reference::layer_norm(s, x, gain, bias));
    layer_norm_backward<T>(s, x_t.data(), gain_t.data(), statistics.data(), dy_t.data(), Into::write,
                           dx.data(), dgain.data(), dbias.data());
    const auto loss = [&] { return weighted(reference::layer_norm(s, x, gain, bias), dy); };
    Values of_x = differences(x, loss);
    expect_near(dx, of_x, gradient_tolerance<T>);
    expect_near(dgain, differences(gain, loss), gradient_tolerance<T>);
    expect_near(dbias, differences(bias, loss), gradient_tolerance<T>);
    layer_norm_backward<T>(s, x_t.data(), gain_t.data(), statistics.data(), dy_t.data(), Into::add, dx.data(),
                           dgain.data(), dbias.data());
    for (double& d : of_x) d *= 2;
    expect_near(dx, of_x, gradient_tolerance<T>);
  }
}

TYPED_TEST(NnLayers, CrossEntropy) {
  using T = TypeParam;
  const RowsShape s{6, 41};
  Values logits = random_values(s.rows * s.columns, 1, 4);
  const Labels labels = {0, 40, 7, -1, 12, 7};
  const double scale = 0.25;
  std::vector<T> d = as<T>(logits);
  const std::vector<T> kept = d;
  const double expected = reference::cross_entropy(s, logits, labels);
  EXPECT_NEAR(softmax_cross_entropy<T>(s, kept.data(), labels.data(), scale, nullptr), expected,
              3e-6 * expected);
  EXPECT_NEAR(softmax_cross_entropy<T>(s, d.data(), labels.data(), scale, d.data()), expected,
              3e-6 * expected);
  expect_near(d, differences(logits, [&] { return scale * reference::cross_entropy(s, logits, labels); }),
              gradient_tolerance<T>);
  for (std::int64_t c = 0; c < s.columns; ++c) EXPECT_EQ(d[3 * s.columns + c], T(0));
}

TYPED_TEST(NnLayers, UniformLogitsLoseTheLogarithmOfTheClasses) {
  using T = TypeParam;
  for (const std::int64_t classes : {2, 10, 256, 50257}) {
    const std::vector<T> logits(classes, T(3.5));
    const Labels labels = {1};
    const double expected = std::log(static_cast<double>(classes));
    EXPECT_NEAR(softmax_cross_entropy<T>({1, classes}, logits.data(), labels.data(), 1, nullptr), expected,
                2e-6);
  }
  const std::vector<T> far = {T(1e30), T(-1e30), T(0)};
  const Labels labels = {0};
  EXPECT_EQ(softmax_cross_entropy<T>({1, 3}, far.data(), labels.data(), 1, nullptr), 0.0);
  const std::vector<T> spoilt = {T(0), T(NAN), T(0)};
  EXPECT_TRUE(std::isnan(softmax_cross_entropy<T>({1, 3}, spoilt.data(), labels.data(), 1, nullptr)));
}

TYPED_TEST(NnLayers, CountsTheFirstGreatestLogit) {
  const std::vector<TypeParam> logits = {1, 2, 2, 0, -1, -2, 5, 5, 5};
  const Labels labels = {1, 1, 0};
  EXPECT_EQ(count_correct<TypeParam>({3, 3}, logits.data(), labels.data()), 2);
}

TYPED_TEST(NnLayers, Convolution) {
  using T = TypeParam;
  for (const ConvolutionShape s :
       {ConvolutionShape{2, 1, 5, 5, 1, 1, 0, 1}, ConvolutionShape{2, 3, 7, 6, 4, 3, 1, 1},
        ConvolutionShape{1, 2, 9, 8, 3, 5, 2, 2}, ConvolutionShape{1, 2, 4, 5, 2, 3, 3, 3}}) {
    Values x = random_values(s.images * s.channels * s.height * s.width, 1);
    Values w = random_values(s.filters * s.taps(), 2), b = random_values(s.filters, 3);
    const Values dy = random_values(s.images * s.filters * s.out_height() * s.out_width(), 4);
    const auto x_t = as<T>(x), w_t = as<T>(w), b_t = as<T>(b), dy_t = as<T>(dy);
    std::vector<T> y(dy.size(), T(NAN)), dx(x.size(), T(NAN)), dw(w.size(), T(NAN)), db(b.size(), T(NAN));
    convolution_forward<T>(s, x_t.data(), w_t.data(), b_t.data(), y.data());
    expect_near(y, reference::convolution(s, x, w, b));
    convolution_forward<T>(s, x_t.data(), w_t.data(), nullptr, y.data());
    expect_near(y, reference::convolution(s, x, w, Values(s.filters)));
    convolution_backward_input<T>(s, dy_t.data(), w_t.data(), dx.data());
    convolution_backward_weight<T>(s, x_t.data(), dy_t.data(), dw.data(), db.data());
    const auto loss = [&] { return weighted(reference::convolution(s, x, w, b), dy); };
    expect_near(dx, differences(x, loss), gradient_tolerance<T>);
    expect_near(dw, differences(w, loss), gradient_tolerance<T>);
    expect_near(db, differences(b, loss), gradient_tolerance<T>);
  }
}

TYPED_TEST(NnLayers, ConvolutionInBands) {  // more columns than one band has
  using T = TypeParam;
  const ConvolutionShape s{1, 3, 70, 65, 2, 5, 2, 1};
  const Values x = random_values(s.channels * s.height * s.width, 1),
               w = random_values(s.filters * s.taps(), 2), b = random_values(s.filters, 3);
  std::vector<T> y(s.filters * s.out_height() * s.out_width());
  convolution_forward<T>(s, as<T>(x).data(), as<T>(w).data(), as<T>(b).data(), y.data());
  expect_near(y, reference::convolution(s, x, w, b));
  // dy = 1: dw is what w's derivative of the sum is, which is linear in w
  const std::vector<T> ones(y.size(), T(1));
  std::vector<T> dw(w.size()), dx(x.size());
  convolution_backward_weight<T>(s, as<T>(x).data(), ones.data(), dw.data(), nullptr);
  convolution_backward_input<T>(s, ones.data(), as<T>(w).data(), dx.data());
  double sum = 0, by_w = 0, by_x = 0;
  for (const double v : reference::convolution(s, x, w, Values(s.filters))) sum += v;
  for (std::size_t i = 0; i < w.size(); ++i) by_w += dw[i] * w[i];
  for (std::size_t i = 0; i < x.size(); ++i) by_x += dx[i] * x[i];
  EXPECT_NEAR(by_w, sum, 1e-4 * std::abs(sum));
  EXPECT_NEAR(by_x, sum, 1e-4 * std::abs(sum));
}

TYPED_TEST(NnLayers, ChannelRelu) {
  using T = TypeParam;
  const PlanesShape s{2, 3, 11};
  const Values x = random_values(66, 1), b = random_values(3, 2), dy = random_values(66, 3);
  std::vector<T> y = as<T>(x), du(66), db(3);
  channel_relu_forward<T>(s, as<T>(b).data(), y.data());
  channel_relu_backward<T>(s, y.data(), as<T>(dy).data(), du.data(), db.data());
  Values y_expected(66), du_expected(66), db_expected(3);
  for (std::int64_t i = 0; i < 66; ++i) {
    const std::int64_t c = i / 11 % 3;
    y_expected[i] = std::max(0.0, x[i] + b[c]);
    du_expected[i] = x[i] + b[c] > 0 ? dy[i] : 0;
    db_expected[c] += du_expected[i];
  }
  expect_near(y, y_expected);
  expect_near(du, du_expected);
  expect_near(db, db_expected);
}

TYPED_TEST(NnLayers, Pooling) {
  using T = TypeParam;
  for (const PoolShape s : {PoolShape{2, 6, 4, 2, 2}, PoolShape{3, 7, 8, 3, 2}, PoolShape{1, 5, 5, 2, 3}}) {
    Values x = random_values(s.planes * s.height * s.width, 1);
    const Values dy = random_values(s.planes * s.out_height() * s.out_width(), 2);
    const auto x_t = as<T>(x), dy_t = as<T>(dy);
    std::vector<T> y(dy.size()), dx(x.size(), T(NAN));
    max_pool_forward<T>(s, x_t.data(), y.data());
    expect_near(y, reference::max_pool(s, x));
    max_pool_backward<T>(s, x_t.data(), dy_t.data(), dx.data());
    expect_near(dx, differences(x, [&] { return weighted(reference::max_pool(s, x), dy); }),
                gradient_tolerance<T>);
    average_pool_forward<T>(s, x_t.data(), y.data());
    expect_near(y, reference::average_pool(s, x));
    average_pool_backward<T>(s, dy_t.data(), dx.data());
    expect_near(dx, differences(x, [&] { return weighted(reference::average_pool(s, x), dy); }),
                gradient_tolerance<T>);
  }
}

TYPED_TEST(NnLayers, MaxPoolGivesTheDerivativeToTheFirstOfEqualValues) {
  const std::vector<TypeParam> x = {1, 2, 2, 2}, dy = {3};
  std::vector<TypeParam> dx(4);
  max_pool_backward<TypeParam>({1, 2, 2, 2, 2}, x.data(), dy.data(), dx.data());
  EXPECT_EQ(dx, (std::vector<TypeParam>{0, 3, 0, 0}));
}

TYPED_TEST(NnLayers, Embedding) {
  using T = TypeParam;
  const EmbeddingShape s{2, 3, 5, 7};
  Values token = random_values(35, 1), position = random_values(15, 2);
  const Values dx = random_values(30, 3);
  const Labels tokens = {6, 0, 3, 3, 6, 6};
  const auto token_t = as<T>(token), position_t = as<T>(position), dx_t = as<T>(dx);
  std::vector<T> x(30), dtoken(35, T(NAN)), dposition(15, T(NAN));
  embedding_forward<T>(s, tokens.data(), token_t.data(), position_t.data(), x.data());
  expect_near(x, reference::embedding(s, tokens, token, position));
  const auto loss = [&] { return weighted(reference::embedding(s, tokens, token, position), dx); };
  embedding_backward<T>(s, tokens.data(), dx_t.data(), Into::write, dtoken.data(), dposition.data());
  Values of_token = differences(token, loss);
  expect_near(dtoken, of_token, gradient_tolerance<T>);
  expect_near(dposition, differences(position, loss), gradient_tolerance<T>);
  embedding_backward<T>(s, tokens.data(), dx_t.data(), Into::add, dtoken.data(), dposition.data());
  for (double& d : of_token) d *= 2;
  expect_near(dtoken, of_token, gradient_tolerance<T>);
}

TYPED_TEST(NnLayers, Attention) {
  using T = TypeParam;
  for (const AttentionShape s :
       {AttentionShape{1, 1, 1, 1}, AttentionShape{2, 5, 3, 4}, AttentionShape{1, 67, 1, 3}}) {
    Values qkv = random_values(s.sequences * s.context * 3 * s.width(), 1, 2);
    const Values dy = random_values(s.sequences * s.context * s.width(), 2);
    const auto qkv_t = as<T>(qkv), dy_t = as<T>(dy);
    std::vector<T> y(dy.size(), T(NAN)), log_sums(s.sequences * s.heads * s.context),
        dqkv(qkv.size(), T(NAN));
    attention_forward<T>(s, qkv_t.data(), y.data(), log_sums.data());
    expect_near(y, reference::attention(s, qkv));
    attention_backward<T>(s, qkv_t.data(), y.data(), log_sums.data(), dy_t.data(), dqkv.data());
    expect_near(dqkv, differences(qkv, [&] { return weighted(reference::attention(s, qkv), dy); }),
                gradient_tolerance<T>);
  }
}

TYPED_TEST(NnLayers, AttentionInManyBlocksWithGreatScores) {
  using T = TypeParam;
  const AttentionShape s{1, 201, 2, 16};
  const Values qkv = random_values(s.context * 3 * s.width(), 3, 12);  // scores up to some hundreds
  std::vector<T> y(s.context * s.width()), log_sums(s.heads * s.context);
  attention_forward<T>(s, as<T>(qkv).data(), y.data(), log_sums.data());
  expect_near(y, reference::attention(s, qkv), sizeof(T) == 4 ? 1e-4 : 1e-11);
}

// A derivative along a random direction, for a size at which central differences of every value take too
// long.
TEST(NnAttention, BackwardInManyBlocks) {
  const AttentionShape s{2, 150, 2, 8};
  Values qkv = random_values(s.sequences * s.context * 3 * s.width(), 1, 2);
  const Values dy = random_values(s.sequences * s.context * s.width(), 2);
  Values y(dy.size()), log_sums(s.sequences * s.heads * s.context), dqkv(qkv.size());
  attention_forward(s, qkv.data(), y.data(), log_sums.data());
  attention_backward(s, qkv.data(), y.data(), log_sums.data(), dy.data(), dqkv.data());
  for (const std::uint64_t seed : {3, 4, 5}) {
    const Values direction = random_values(static_cast<std::int64_t>(qkv.size()), seed);
    Values along = {0.0};
    const Values at_point = qkv;
    const Values numeric = differences(along, [&] {
      for (std::size_t i = 0; i < qkv.size(); ++i) qkv[i] = at_point[i] + along[0] * direction[i];
      return weighted(reference::attention(s, qkv), dy);
    });
    qkv = at_point;
    EXPECT_NEAR(weighted(dqkv, direction), numeric[0], 1e-6 * std::abs(numeric[0]));
  }
}
