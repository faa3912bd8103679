// The parts of kernels/nn: products of matrices, functions in vectors, optimisers.
#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <thread>

#include "kernels/nn/dense_stack.hpp"
#include "kernels/nn/gemm.hpp"
#include "kernels/nn/lanes.hpp"
#include "kernels/nn/packed.hpp"
#include "tests/unit/nn_cases.hpp"

using namespace tutti::kernels::nn;
using namespace tutti::kernels::nn::testing;

namespace {

enum class To { nothing, itself, row, matrix_and_row };  // what is added to

template <class T>
struct Product {
  std::int64_t m, n, k;
  bool a_transposed, b_transposed;
  std::int64_t a_stride, b_stride, c_stride;
  Values a, b, c, matrix, row;

  Product(std::int64_t rows, std::int64_t columns, std::int64_t inner, bool ta, bool tb, std::int64_t gap)
      : m(rows), n(columns), k(inner), a_transposed(ta), b_transposed(tb) {
    a_stride = (ta ? m : k) + gap;
    b_stride = (tb ? k : n) + gap;
    c_stride = n + gap;
    a = random_values((ta ? k : m) * a_stride, 1);
    b = random_values((tb ? n : k) * b_stride, 2);
    c = random_values(m * c_stride, 3);
    matrix = random_values(m * a_stride + n, 4);
    row = random_values(n, 5);
  }
  std::vector<T> run(To to, bool own = false) const {
    const auto a_t = as<T>(a), b_t = as<T>(b), matrix_t = as<T>(matrix), row_t = as<T>(row);
    auto c_t = as<T>(c);
    Plus<T> plus;
    if (to == To::itself) plus = {c_t.data(), c_stride};
    if (to == To::matrix_and_row) plus = {matrix_t.data(), a_stride};
    if (to == To::row || to == To::matrix_and_row) plus.row = row_t.data();
    (own ? own_gemm<T> : gemm<T>)(m, n, k, {a_t.data(), a_stride, a_transposed},
                                  {b_t.data(), b_stride, b_transposed}, plus, c_t.data(), c_stride);
    return c_t;
  }
  [[nodiscard]] Values expected(To to) const {
    Values result = c;  // what lies between the rows stays
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = to == To::itself ? c[i * c_stride + j] : 0;
        if (to == To::matrix_and_row) sum += matrix[i * a_stride + j];
        if (to == To::row || to == To::matrix_and_row) sum += row[j];
        for (std::int64_t l = 0; l < k; ++l)
          sum += a[a_transposed ? l * a_stride + i : i * a_stride + l] *
                 b[b_transposed ? j * b_stride + l : l * b_stride + j];
        result[i * c_stride + j] = sum;
      }
    return result;
  }
};

template <class T>
void check_products() {
  for (const auto& [m, n, k] : {std::tuple{1, 1, 1},
                                {1, 33, 5},
                                {9, 31, 17},
                                {8, 64, 16},
                                {5, 64, 600},
                                {23, 5, 300},
                                {70, 97, 3},
                                {200, 520, 2},
                                {310, 90, 9},
                                {130, 200, 260},
                                {3, 40, 0}})
    for (const bool ta : {false, true})
      for (const bool tb : {false, true})
        for (const To to : {To::nothing, To::itself, To::row, To::matrix_and_row})
          for (const std::int64_t gap : {0, 3}) {
            const Product<T> product(m, n, k, ta, tb, gap);
            SCOPED_TRACE(::testing::Message() << m << "x" << n << "x" << k << " " << ta << tb << " " << gap);
            const Values expected = product.expected(to);
            expect_near(product.run(to), expected);
            expect_near(product.run(to, true), expected);
          }
}

}  // namespace

TEST(NnProducts, EqualTripleLoops) {
  check_products<float>();
  check_products<double>();
}

TEST(NnProducts, BitsOfARowDoNotDependOnTheOthers) {
  for (const bool tb : {false, true})
    for (const auto& [n, k, rows] :
         {std::tuple{64, 64, 90}, {30, 61, 90}, {9, 300, 90}, {30, 61, block_rows}, {9, 300, block_rows}}) {
      const Product<float> all(rows, n, k, false, tb, 0);
      const std::vector<float> expected = all.run(To::itself, true);
      for (const std::int64_t m : {1, 2, 3, 4, 5, 6, 8, 13, 40}) {
        // a transposed b has another order for few rows
        if (m > rows || (tb && (m <= block_rows) != (rows <= block_rows))) continue;
        Product<float> few = all;
        few.m = m;
        const std::vector<float> found = few.run(To::itself, true);
        EXPECT_EQ(std::memcmp(found.data(), expected.data(), m * n * sizeof(float)), 0)
            << m << " " << n << " " << k;
      }
    }
}

TEST(NnProducts, LargeOnesFromTheLibrary) {  // beyond 512^3 values, where there is one
  const std::int64_t m = 300, n = 750, k = 601;
  for (const bool transposed : {false, true}) {
    const auto a = as<float>(random_values(m * k, 1)), b = as<float>(random_values(k * n, 2));
    std::vector<float> c(m * n), own(m * n);
    const Factor<float> left{a.data(), transposed ? m : k, transposed},
        right{b.data(), transposed ? k : n, transposed};
    gemm<float>(m, n, k, left, right, {}, c.data(), n);
    own_gemm<float>(m, n, k, left, right, {}, own.data(), n);
    for (std::int64_t i = 0; i < m * n; ++i) ASSERT_NEAR(c[i], own[i], 1e-4);
  }
}

TEST(NnProducts, SameBitsFromSeveralThreadsAtOnce) {
  for (const auto& [m, n, k, rounds] : {std::tuple{65, 130, 70, 50}, {300, 750, 601, 3}}) {
    const Product<float> product(m, n, k, true, false, 0);
    const std::vector<float> once = product.run(To::nothing);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&product, &once, times = rounds] {
        for (int i = 0; i < times; ++i) {
          const std::vector<float> again = product.run(To::nothing);
          EXPECT_EQ(std::memcmp(again.data(), once.data(), once.size() * sizeof(float)), 0);
        }
      });
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(NnProducts, NameTheirLibrary) { EXPECT_GT(std::strlen(gemm_library()), 0U); }

// Terms that fit into registers or not, segments that cut rows.
TEST(NnDenseStack, GradientAndSgdHaveTheBitsOfSingleLayersAndOfTheTree) {
  constexpr std::int64_t parameters = 929;
  for (const auto& [rows, shards] :
       {std::array<std::int64_t, 2>{1, 5}, {2, 2}, {2, 1}, {3, 2}, {4, 6}, {7, 5}, {300, 5}}) {
    const DenseStack stack{{{{rows, 13, 40}, 0, 520}, {{rows, 40, 9}, 560, 920}}};
    const tutti::ShardTree tree({0, static_cast<std::uint32_t>(shards)});
    std::vector<std::vector<float>> traces(shards), gradients(shards, std::vector<float>(parameters));
    std::vector<tutti::Input<float>> trace(shards), gradient(shards);
    for (std::int64_t s = 0; s < shards; ++s) {
      traces[s] = as<float>(random_values(stack.trace(), s));
      for (std::size_t l = 0; l < 2; ++l)
        linear_backward_weight<float>(stack.layers[l].shape, traces[s].data() + stack.input_at(l),
                                      traces[s].data() + stack.derivative_at(l), Into::write,
                                      gradients[s].data() + stack.layers[l].w,
                                      gradients[s].data() + stack.layers[l].b);
      trace[s].data = traces[s].data();
      gradient[s].data = gradients[s].data();
    }
    std::vector<float> expected(parameters), found(parameters);
    tree.sum(tutti::Inputs<float>{gradient}, 0, parameters, expected.data());
    auto w = as<float>(random_values(parameters, 7)), velocity = as<float>(random_values(parameters, 8));
    auto found_w = w, found_velocity = velocity;
    sgd_step<float>({0.9, 0.1}, 0.01, 1, parameters, expected.data(), velocity.data(), w.data());

    const DenseStackGradient<float> sum{stack, tree};
    const tutti::Inputs<float> inputs{trace};
    for (std::int64_t begin = 0, length = 1; begin < parameters; begin += length, length = 2 * length + 5) {
      const std::int64_t end = std::min(parameters, begin + length);
      sum(inputs, {{0, 0, begin}, {1, 1, end}}, found.data() + begin);
      sum.sgd(inputs, begin, end, {0.01F, 0.9F, 0.1F}, found_velocity.data() + begin, found_w.data() + begin);
    }
    constexpr std::size_t bytes = parameters * sizeof(float);
    EXPECT_EQ(std::memcmp(found.data(), expected.data(), bytes), 0) << rows << ' ' << shards;
    EXPECT_EQ(std::memcmp(found_w.data(), w.data(), bytes), 0) << rows << ' ' << shards;
    EXPECT_EQ(std::memcmp(found_velocity.data(), velocity.data(), bytes), 0) << rows << ' ' << shards;
  }
}

/// The relative error stays below 1.5e-7 between two values, and a vector's lanes are as single values.
template <class Function>
void expect_bound(Function function, double (*exact)(double), double from, double to) {
  double worst = 0;
  for (double x = from; x < to; x += 1.37e-4) {
    const auto in = static_cast<float>(x);
    const double wanted = exact(static_cast<double>(in));
    worst = std::max(worst, std::abs(function(in) - wanted) / wanted);
  }
  EXPECT_LT(worst, 1.5e-7);
  Vector<float> several{};
  const double first = from - 14;  // where it is 0
  for (int l = 0; l < vector_lanes<float>; ++l)
    several[l] = static_cast<float>(first + l * (to - first) / vector_lanes<float>);
  const Vector<float> results = function(several);
  for (int l = 0; l < vector_lanes<float>; ++l) EXPECT_EQ(results[l], function(several[l]));
}

TEST(NnFunctions, ExponentialKeepsItsBound) {
  expect_bound([](const auto& x) { return exponential(x); }, std::exp, -86.9, 88.7);
  EXPECT_EQ(exponential(0.0F), 1.0F);
  EXPECT_EQ(exponential(-90.0F), 0.0F);
  EXPECT_EQ(exponential(-HUGE_VALF), 0.0F);
  EXPECT_EQ(exponential(89.0F), HUGE_VALF);
  EXPECT_EQ(exponential(HUGE_VALF), HUGE_VALF);
  EXPECT_TRUE(std::isfinite(exponential(88.72F)));
  EXPECT_TRUE(std::isnan(exponential(NAN)));
}

TEST(NnFunctions, PowerOfTwoKeepsItsBound) {
  expect_bound([](const auto& x) { return power_of_two(x); }, std::exp2, -125.4, 126);
  EXPECT_EQ(power_of_two(0.0F), 1.0F);
  EXPECT_EQ(power_of_two(-130.0F), 0.0F);
  EXPECT_EQ(power_of_two(-HUGE_VALF), 0.0F);
  EXPECT_TRUE(std::isnan(power_of_two(NAN)));
}

TEST(NnFunctions, SumsAndGreatestInLanes) {
  for (const std::int64_t n : {1, 31, 32, 33, 100}) {
    std::vector<float> x(n);
    for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<float>((i * 7) % n) - 3;
    EXPECT_EQ(sum_in_lanes<float>(n, [&](auto at) { return at(x.data()); }),
              std::accumulate(x.begin(), x.end(), 0.0F));
    EXPECT_EQ(greatest(n, x.data()), *std::max_element(x.begin(), x.end()));
  }
}

TEST(NnOptimisers, SgdForgetsVelocitiesTooSmallForNormalNumbers) {
  constexpr std::size_t n = 19;  // vectors and single values
  for (const float sign : {1.0F, -1.0F}) {
    const std::vector<float> gradient(n);
    std::vector<float> velocity(n, sign * 2e-38F), w(n);
    velocity[3] = velocity[18] = sign * 4e-38F;
    sgd_step<float>({0.5}, 0.1, 1, n, gradient.data(), velocity.data(), w.data());
    for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(velocity[i], i == 3 || i == 18 ? sign * 2e-38F : 0) << i;
  }
}

// Loss h (w - w*)^2 / 2: without momentum, w_t - w* = (1 - rate h)^t (w_0 - w*); with it, the recurrence
// e_{t+1} = (1 + momentum - rate h) e_t - momentum e_{t-1}.
TEST(NnOptimisers, SgdDescendsAQuadraticAsItsClosedForm) {
  const Values h = {0.5, 1, 3}, target = {1, -2, 0.25}, start = {4, 4, 4};
  const double rate = 0.1;
  for (const double momentum : {0.0, 0.9}) {
    Values w = start, velocity(3), gradient(3);
    Values error(3), previous(3);
    for (int i = 0; i < 3; ++i) previous[i] = error[i] = start[i] - target[i];
    for (int t = 0; t < 40; ++t) {
      for (int i = 0; i < 3; ++i) gradient[i] = 2 * h[i] * (w[i] - target[i]);  // twice: scale is 1/2
      sgd_step({.momentum = momentum}, rate, 0.5, 3, gradient.data(),
               momentum == 0 ? nullptr : velocity.data(), w.data());
      for (int i = 0; i < 3; ++i) {
        const double next = (1 + momentum - rate * h[i]) * error[i] - momentum * previous[i];
        previous[i] = error[i];
        error[i] = next;
        EXPECT_NEAR(w[i] - target[i], error[i], 1e-12);
        if (momentum == 0) {
          EXPECT_NEAR(w[i] - target[i], std::pow(1 - rate * h[i], t + 1) * (start[i] - target[i]), 1e-12);
        }
      }
    }
  }
}

// With a constant gradient both averages, unbiased, are g and g^2: every step is rate sign(g).
TEST(NnOptimisers, AdamwWithAConstantGradient) {
  const std::vector<float> gradient(37, -0.02F);
  std::vector<float> w(37, 1.0F), m(37), v(37);
  for (int step = 1; step <= 50; ++step)
    adamw_step<float>({.weight_decay = 0}, 1e-2, step, 3, 37, gradient.data(), m.data(), v.data(), w.data());
  for (const float value : w) EXPECT_NEAR(value, 1.5, 1e-5);
}

TEST(NnOptimisers, AdamwAsWrittenInItsPaper) {
  const AdamW adamw{.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3, .weight_decay = 0.1};
  Values w = {1, -2, 3}, m(3), v(3), w_expected = w, m_expected(3), v_expected(3);
  for (int step = 1; step <= 20; ++step) {
    const Values gradient = random_values(3, step);
    adamw_step(adamw, 0.05, step, 0.5, 3, gradient.data(), m.data(), v.data(), w.data());
    for (int i = 0; i < 3; ++i) {
      const double g = 0.5 * gradient[i];
      m_expected[i] = adamw.beta1 * m_expected[i] + (1 - adamw.beta1) * g;
      v_expected[i] = adamw.beta2 * v_expected[i] + (1 - adamw.beta2) * g * g;
      const double m_hat = m_expected[i] / (1 - std::pow(adamw.beta1, step));
      const double v_hat = v_expected[i] / (1 - std::pow(adamw.beta2, step));
      w_expected[i] -=
          0.05 * (m_hat / (std::sqrt(v_hat) + adamw.epsilon) + adamw.weight_decay * w_expected[i]);
      EXPECT_NEAR(w[i], w_expected[i], 1e-14);
    }
  }
}

TEST(NnOptimisers, SegmentsGiveTheSameBits) {
  const auto gradient = as<float>(random_values(101, 1)), start = as<float>(random_values(101, 2));
  std::vector<float> whole = start, parts = start, m(101), v(101), m_parts(101), v_parts(101);
  for (int step = 1; step <= 3; ++step) {
    adamw_step<float>({}, 0.01, step, 1, 101, gradient.data(), m.data(), v.data(), whole.data());
    for (const auto& [first, last] : {std::pair{0, 13}, {13, 50}, {50, 101}})
      adamw_step<float>({}, 0.01, step, 1, last - first, gradient.data() + first, m_parts.data() + first,
                        v_parts.data() + first, parts.data() + first);
  }
  EXPECT_EQ(whole, parts);
}

TEST(NnOptimisers, ClipsTheNorm) {
  const auto g = as<float>(Values(100, 0.5));
  EXPECT_EQ(sum_of_squares<float>(100, g.data()), 25.0);
  EXPECT_DOUBLE_EQ(clip_scale(25, 1), 0.2);
  EXPECT_EQ(clip_scale(25, 6), 1.0);
  EXPECT_EQ(clip_scale(25, 0), 1.0);
}
