// The kernels of nets on CUDA devices (gpu/nn), their blocks played by the host, against those of kernels/nn:
// to the bit where the device adds in the host's order, else near to float64.
#include <limits>
#include <memory>

#include "gpu/nn/attention_backward.hpp"
#include "gpu/nn/rows.hpp"
#include "gpu/nn/values.hpp"
#include "kernels/nn/updates.hpp"
#include "runtime/data/shard_tree.hpp"
#include "tests/unit/block_player.hpp"
#include "tests/unit/nn_cases.hpp"

namespace tutti::test {
namespace {

namespace nn = kernels::nn;
using nn::testing::as;
using nn::testing::expect_near;
using nn::testing::random_values;
using nn::testing::Values;
using Singles = std::vector<float>;
using Labels = std::vector<std::int32_t>;

constexpr double near_float64 = 1e-5;

Labels random_labels(std::int64_t n, std::int32_t low, std::int32_t high) {
  std::mt19937_64 random(17);
  std::uniform_int_distribution<std::int32_t> label(low, high - 1);
  Labels out(static_cast<std::size_t>(n));
  for (std::int32_t& l : out) l = label(random);
  return out;
}
/// Values as both precisions have them.
Values singles(std::int64_t n, std::uint64_t seed, double size = 1) {
  const Singles rounded = as<float>(random_values(n, seed, size));
  return {rounded.begin(), rounded.end()};
}

template <class Body>
void each_block_of_rows(const nn::RowsShape& shape, const Body& body) {
  for (std::int64_t first = 0; first < shape.rows; first += gpu::rows_of_block)
    body(PlayedBlock<gpu::row_threads>(), gpu::BlockRows{first, shape.rows, shape.columns});
}

const nn::RowsShape row_shapes[] = {{1, 1}, {8, 32}, {13, 70}, {3, 257}};

TEST(GpuNets, LayerNorm) {
  for (const nn::RowsShape& s : row_shapes) {
    const std::int64_t n = s.rows * s.columns;
    const Values x = singles(n, 1), gain = singles(s.columns, 2), bias = singles(s.columns, 3);
    const Singles sx = as<float>(x), sg = as<float>(gain), sb = as<float>(bias);
    Singles y(sx.size()), statistics(static_cast<std::size_t>(2 * s.rows));
    Values expected(x.size()), expected_statistics(statistics.size());
    nn::layer_norm_forward<double>(s, x.data(), gain.data(), bias.data(), expected.data(),
                                   expected_statistics.data());
    each_block_of_rows(s, [&](const auto& block, const gpu::BlockRows& rows) {
      gpu::layer_norm_rows(block, rows, sx.data(), sg.data(), sb.data(),
                           static_cast<float>(nn::layer_norm_epsilon), y.data(), statistics.data());
    });
    expect_near(y, expected, near_float64);
    expect_near(statistics, expected_statistics, near_float64);
  }
}

TEST(GpuNets, LayerNormBackward) {
  for (const nn::RowsShape& s : row_shapes) {
    const std::int64_t n = s.rows * s.columns;
    const Values x = singles(n, 1), gain = singles(s.columns, 2), statistics = singles(2 * s.rows, 3),
                 dy = singles(n, 4), before = singles(n, 5);
    const Singles sx = as<float>(x), sg = as<float>(gain), ss = as<float>(statistics), sdy = as<float>(dy);
    Singles written(sx.size()), added = as<float>(before);
    Values expected(x.size()), expected_added = before, dgain(gain.size()), dbias(gain.size());
    nn::layer_norm_backward<double>(s, x.data(), gain.data(), statistics.data(), dy.data(), nn::Into::write,
                                    expected.data(), dgain.data(), dbias.data());
    nn::layer_norm_backward<double>(s, x.data(), gain.data(), statistics.data(), dy.data(), nn::Into::add,
                                    expected_added.data(), dgain.data(), dbias.data());
    each_block_of_rows(s, [&](const auto& block, const gpu::BlockRows& rows) {
      gpu::layer_norm_rows_backward<false>(block, rows, sx.data(), sg.data(), ss.data(), sdy.data(),
                                           written.data());
      gpu::layer_norm_rows_backward<true>(block, rows, sx.data(), sg.data(), ss.data(), sdy.data(),
                                          added.data());
    });
    expect_near(written, expected, near_float64);
    expect_near(added, expected_added, near_float64);
  }
}

TEST(GpuNets, CrossEntropy) {
  for (const nn::RowsShape& s : row_shapes) {
    const std::int64_t n = s.rows * s.columns;
    const Values logits = singles(n, 6, 8);
    const Labels labels = random_labels(s.rows, s.rows > 1 ? -1 : 0, static_cast<std::int32_t>(s.columns));
    Values gradient(logits.size());
    const double loss =
        nn::softmax_cross_entropy<double>(s, logits.data(), labels.data(), 0.25, gradient.data());
    for (const bool wants_gradient : {true, false}) {
      Singles values = as<float>(logits);
      double sum = 0;
      each_block_of_rows(s, [&](const auto& block, const gpu::BlockRows& rows) {
        double losses[gpu::rows_of_block];
        gpu::cross_entropy_rows(block, rows, values.data(), labels.data(), 0.25F,
                                wants_gradient ? values.data() : nullptr, losses);
        for (const double l : losses) sum += l;
      });
      EXPECT_NEAR(sum, loss, near_float64 * std::max(1.0, loss));
      if (wants_gradient)
        expect_near(values, gradient, near_float64);
      else
        EXPECT_EQ(values, as<float>(logits));
    }
  }
}

TEST(GpuNets, CountCorrect) {
  const nn::RowsShape s{203, 5};
  Singles logits = as<float>(singles(s.rows * s.columns, 7));
  for (float& l : logits) l = std::round(2 * l);  // many equal ones
  const Labels labels = random_labels(s.rows, -1, 5);
  std::int64_t sum = 0;
  each_block_of_rows(s, [&](const auto& block, const gpu::BlockRows& rows) {
    std::int32_t correct[gpu::rows_of_block];
    gpu::correct_rows(block, rows, logits.data(), labels.data(), correct);
    for (const std::int32_t c : correct) sum += c;
  });
  EXPECT_EQ(sum, nn::count_correct<float>(s, logits.data(), labels.data()));
  EXPECT_GT(sum, 0);
}

TEST(GpuNets, Activations) {
  const nn::RowsShape s{1, 4000};
  const Values u = singles(s.columns, 8, 15), dy = singles(s.columns, 9);
  Values y(u.size()), du(u.size());
  nn::gelu_forward<double>(s, u.data(), y.data());
  nn::bias_gelu_backward<double>(s, u.data(), dy.data(), du.data(), nullptr);
  Singles got, got_du;
  for (std::size_t i = 0; i < u.size(); ++i) {
    got.push_back(gpu::gelu(static_cast<float>(u[i])));
    got_du.push_back(gpu::gelu_backward(static_cast<float>(u[i]), static_cast<float>(dy[i])));
    EXPECT_EQ(gpu::relu(static_cast<float>(u[i])), std::max(0.0F, static_cast<float>(u[i])));
    EXPECT_EQ(gpu::relu_backward(static_cast<float>(u[i]), 3), u[i] > 0 ? 3 : 0);
  }
  expect_near(got, y, near_float64);
  expect_near(got_du, du, near_float64);
  EXPECT_EQ(gpu::gelu_backward(1e30F, 2), 2);
  EXPECT_EQ(gpu::gelu_backward(-1e30F, 2), 0);
}

TEST(GpuNets, SumsOfColumns) {
  for (const nn::RowsShape& s : {nn::RowsShape{1, 1}, {127, 33}, {300, 64}}) {
    const Singles x = as<float>(random_values(s.rows * s.columns, 10));
    const std::int64_t chunks = (s.rows + gpu::chunk_rows - 1) / gpu::chunk_rows;
    std::vector<gpu::Sums> partial(static_cast<std::size_t>(chunks * s.columns)), shared(gpu::sum_threads);
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
      for (std::int64_t c = 0; c < s.columns; c += gpu::columns_of_block)
        gpu::chunk_sums(PlayedBlock<gpu::sum_threads>(), chunk * gpu::chunk_rows, s.rows, c, s.columns,
                        shared.data(), partial.data() + chunk * s.columns,
                        [&](std::int64_t row, std::int64_t column) {
                          const float value = x[static_cast<std::size_t>(row * s.columns + column)];
                          return gpu::Sums{value, value * value};
                        });
    for (std::int64_t c = 0; c < s.columns; ++c) {
      double sum = 0, squares = 0, got = 0, got_squares = 0;
      for (std::int64_t r = 0; r < s.rows; ++r) {
        const double value = x[static_cast<std::size_t>(r * s.columns + c)];
        sum += value;
        squares += value * value;
      }
      for (std::int64_t k = 0; k < chunks; ++k) {
        got += partial[static_cast<std::size_t>(k * s.columns + c)].first;
        got_squares += partial[static_cast<std::size_t>(k * s.columns + c)].second;
      }
      EXPECT_NEAR(got, sum, 1e-4);
      EXPECT_NEAR(got_squares, squares, 1e-4);
    }
  }
}

// ---- attention
// ----------------------------------------------------------------------------------------------

struct AttentionCase {
  nn::AttentionShape s;
  std::size_t rows() const { return static_cast<std::size_t>(s.sequences * s.context); }
  std::size_t values() const { return rows() * static_cast<std::size_t>(s.width()); }
  float scale() const { return static_cast<float>(1 / std::sqrt(static_cast<double>(s.head_width))); }
  /// body(block, head, first token) for all tiles.
  template <class Body>
  void tiles(const Body& body) const {
    for (std::int64_t head = 0; head < s.sequences * s.heads; ++head)
      for (std::int64_t first = 0; first < s.context; first += gpu::attention_side)
        body(PlayedBlock<gpu::ThreadMath::threads>(), head, first);
  }
};

template <int width>
void play_attention(const nn::AttentionShape& shape) {
  using Math = gpu::ThreadMath;
  const AttentionCase c{shape};
  const Values qkv = singles(static_cast<std::int64_t>(3 * c.values()), 11, 2);
  const Singles in = as<float>(qkv);
  Values y(c.values()), log_sums(c.rows() * static_cast<std::size_t>(shape.heads));
  nn::attention_forward<double>(shape, qkv.data(), y.data(), log_sums.data());
  Singles got(y.size()), got_sums(log_sums.size());
  const auto shared = std::make_unique<gpu::AttentionShared<Math, width>>();
  c.tiles([&](const auto& block, std::int64_t head, std::int64_t first) {
    gpu::attention_tile<Math, width>(block, shape, head, first, c.scale(), in.data(), got.data(),
                                     got_sums.data(), *shared);
  });
  expect_near(got, y, near_float64);
  expect_near(got_sums, log_sums, near_float64);

  const Values dy = singles(static_cast<std::int64_t>(c.values()), 12);
  Values dqkv(qkv.size());
  nn::attention_backward<double>(shape, qkv.data(), y.data(), log_sums.data(), dy.data(), dqkv.data());
  const Singles sums = as<float>(log_sums), sdy = as<float>(dy);
  Singles dots(sums.size()), got_back(qkv.size());
  for (std::size_t row = 0; row < c.rows(); ++row)
    for (std::int64_t h = 0; h < shape.heads; ++h) {
      double dot = 0;
      for (std::int64_t d = 0; d < shape.head_width; ++d) {
        const std::size_t at = row * static_cast<std::size_t>(shape.width()) +
                               static_cast<std::size_t>(h * shape.head_width + d);
        dot += y[at] * dy[at];
      }
      const std::size_t n = row / static_cast<std::size_t>(shape.context),
                        t = row % static_cast<std::size_t>(shape.context);
      dots[(n * static_cast<std::size_t>(shape.heads) + static_cast<std::size_t>(h)) *
               static_cast<std::size_t>(shape.context) +
           t] = static_cast<float>(dot);
    }
  const gpu::AttentionArrays arrays{in.data(), sums.data(), dots.data(), sdy.data(), got_back.data()};
  const auto back = std::make_unique<gpu::AttentionBackwardShared<Math, width>>();
  c.tiles([&](const auto& block, std::int64_t head, std::int64_t first) {
    gpu::attention_keys_backward<Math, width>(block, shape, head, first, c.scale(), arrays, *back);
    gpu::attention_queries_backward<Math, width>(block, shape, head, first, c.scale(), arrays, *back);
  });
  expect_near(got_back, dqkv, near_float64);
}

TEST(GpuNets, AttentionOfNarrowHeads) {
  play_attention<32>({2, 70, 2, 32});
  play_attention<32>({1, 129, 1, 5});
}
TEST(GpuNets, AttentionOfHeadsOf64) { play_attention<64>({1, 130, 2, 64}); }
TEST(GpuNets, AttentionOfWideHeads) { play_attention<128>({1, 66, 1, 100}); }
TEST(GpuNets, AttentionOfOneToken) { play_attention<32>({3, 1, 2, 8}); }

// ---- values
// -------------------------------------------------------------------------------------------------

TEST(GpuNets, Embedding) {
  const nn::EmbeddingShape s{3, 150, 40, 30};
  const Labels tokens = random_labels(s.sequences * s.context, 0, 30);
  const Singles token = as<float>(random_values(s.vocabulary * s.width, 13)),
                position = as<float>(random_values(s.context * s.width, 14));
  Singles x(tokens.size() * 40), expected = x;
  nn::embedding_forward<float>(s, tokens.data(), token.data(), position.data(), expected.data());
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = gpu::embedded(s, tokens.data(), token.data(), position.data(), static_cast<std::int64_t>(i));
  EXPECT_EQ(x, expected);
}

TEST(GpuNets, EmbeddingBackward) {
  const nn::EmbeddingShape s{3, 150, 300, 30};
  const Labels tokens = random_labels(s.sequences * s.context, 0, 30);
  const Singles dx = as<float>(random_values(s.sequences * s.context * s.width, 15));
  Singles dtoken = as<float>(random_values(s.vocabulary * s.width, 16)), expected = dtoken;
  Singles dposition(static_cast<std::size_t>(s.context * s.width)), expected_position = dposition;
  nn::embedding_backward<float>(s, tokens.data(), dx.data(), nn::Into::add, expected.data(),
                                expected_position.data());
  gpu::TokenRows shared;
  for (std::int32_t token = 0; token < 30; ++token)
    for (std::int64_t first = 0; first < s.width; first += gpu::token_threads)
      gpu::add_token_gradient(PlayedBlock<gpu::token_threads>(), s, tokens.data(), token, first, dx.data(),
                              dtoken.data(), shared);
  for (std::size_t i = 0; i < dposition.size(); ++i)
    dposition[i] = gpu::position_gradient(s, dx.data(), static_cast<std::int64_t>(i));
  EXPECT_EQ(dtoken, expected);
  EXPECT_EQ(dposition, expected_position);
}

TEST(GpuNets, Convolution) {
  for (const nn::ConvolutionShape& s :
       {nn::ConvolutionShape{2, 3, 9, 11, 4, 3, 1, 2}, {1, 2, 8, 8, 3, 5, 2, 1}, {2, 1, 5, 4, 2, 2, 0, 1}}) {
    const std::int64_t pixels = s.out_height() * s.out_width();
    const Values x = singles(s.images * s.channels * s.height * s.width, 18),
                 w = singles(s.filters * s.taps(), 19), dy = singles(s.images * s.filters * pixels, 20);
    const Singles sx = as<float>(x), sw = as<float>(w), sdy = as<float>(dy);
    Values y(dy.size()), dx(x.size()), dw(w.size());
    nn::convolution_forward<double>(s, x.data(), w.data(), nullptr, y.data());
    nn::convolution_backward_input<double>(s, dy.data(), w.data(), dx.data());
    nn::convolution_backward_weight<double>(s, x.data(), dy.data(), dw.data(), nullptr);
    Singles got_y, got_dx, got_dw;
    for (std::size_t i = 0; i < y.size(); ++i)
      got_y.push_back(gpu::convolved(s, sx.data(), sw.data(), static_cast<std::int64_t>(i)));
    for (std::size_t i = 0; i < x.size(); ++i)
      got_dx.push_back(gpu::convolved_back(s, sdy.data(), sw.data(), static_cast<std::int64_t>(i)));
    for (std::int64_t tap = 0; tap < s.filters * s.taps(); ++tap) {
      float sum = 0;
      for (std::int64_t pixel = 0; pixel < s.images * pixels; ++pixel)
        sum += gpu::weight_term(s, sx.data(), sdy.data(), tap, pixel);
      got_dw.push_back(sum);
    }
    expect_near(got_y, y, near_float64);
    expect_near(got_dx, dx, near_float64);
    expect_near(got_dw, dw, near_float64);
  }
}

TEST(GpuNets, MaxPool) {
  for (const nn::PoolShape& s : {nn::PoolShape{3, 9, 8, 2, 2}, {2, 7, 7, 3, 1}, {2, 9, 9, 2, 3}}) {
    Singles x = as<float>(random_values(s.planes * s.height * s.width, 21));
    for (float& v : x) v = std::round(2 * v);  // equal ones
    const Singles dy = as<float>(random_values(s.planes * s.out_height() * s.out_width(), 22));
    Singles y(dy.size()), dx(x.size()), expected_y = y, expected_dx = dx;
    nn::max_pool_forward<float>(s, x.data(), expected_y.data());
    nn::max_pool_backward<float>(s, x.data(), dy.data(), expected_dx.data());
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] = x[static_cast<std::size_t>(gpu::greatest_of_window(s, x.data(), static_cast<std::int64_t>(i)))];
    for (std::size_t i = 0; i < dx.size(); ++i)
      dx[i] = gpu::pooled_back(s, x.data(), dy.data(), static_cast<std::int64_t>(i));
    EXPECT_EQ(y, expected_y);
    EXPECT_EQ(dx, expected_dx);
  }
}

TEST(GpuNets, SumsOverShards) {
  for (std::uint32_t shards = 1; shards < 40; ++shards) {
    std::vector<ShardRange> leaves;
    for (std::uint32_t s = 0; s < shards; ++s) leaves.push_back({s, s + 1});
    const ShardTree tree({0, shards}, leaves);
    const Singles x = as<float>(random_values(shards * std::int64_t{10}, 23));
    std::vector<Input<float>> list(shards);
    for (std::uint32_t s = 0; s < shards; ++s) list[s].data = x.data() + 10 * s;
    Singles expected(10);
    tree.sum<float>({std::span<const Input<float>>(list)}, 0, 10, expected.data());
    for (std::uint32_t i = 0; i < 10; ++i)
      EXPECT_EQ(
          sum_in_tree<float>(tree.merges().data(), shards, [&](std::uint32_t s) { return x[10 * s + i]; }),
          expected[i]);
  }
}

TEST(GpuNets, Optimisers) {
  const std::int64_t n = 200;
  const Singles g = as<float>(random_values(n, 24)), w = as<float>(random_values(n, 25));
  Singles square = as<float>(random_values(n, 26));
  for (float& v : square) v *= v;
  const gpu::Rate rate{0.02, 0.1, 20, 80};
  for (const std::int64_t step : {0, 19, 20, 50, 80, 1000}) {
    const double at = nn::RateSchedule{0.02, 0.1, 20, 80}.at(step);
    EXPECT_DOUBLE_EQ(gpu::rate_at(rate, step), at);
    Singles velocity = w, sgd_w = w, m = g, v = square, adam_w = w;
    Singles host_velocity = w, host_sgd_w = w, host_m = g, host_v = square, host_adam_w = w;
    nn::AdamW adamw;
    adamw.weight_decay = 0.1;
    nn::sgd_step<float>({0.9, 0.1}, at, 1, n, g.data(), host_velocity.data(), host_sgd_w.data());
    nn::adamw_step<float>(adamw, at, step + 1, 1, n, g.data(), host_m.data(), host_v.data(),
                          host_adam_w.data());
    const gpu::AdamWFactors factors = gpu::adamw_factors(adamw, at, step + 1);
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
      gpu::sgd_value({static_cast<float>(at), 0.9F, 0.1F}, g[i], velocity[i], sgd_w[i]);
      gpu::adamw_value(factors, g[i], m[i], v[i], adam_w[i]);
    }
    EXPECT_EQ(velocity, host_velocity);
    EXPECT_EQ(sgd_w, host_sgd_w);
    EXPECT_EQ(m, host_m);
    EXPECT_EQ(v, host_v);
    EXPECT_EQ(adam_w, host_adam_w);
  }
}

}  // namespace
}  // namespace tutti::test
