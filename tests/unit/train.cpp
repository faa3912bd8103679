// The models of train: parameter counts, derivatives of whole models, and what steps are made of.
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "kernels/nn/random.hpp"
#include "miniapps/train/batches.hpp"
#include "miniapps/train/generate.hpp"
#include "miniapps/train/gradient_check.hpp"
#include "miniapps/train/optimiser.hpp"
#include "runtime/error.hpp"
#include "tests/graph/local_job.hpp"

namespace tutti::test {
namespace {

ModelConfig mlp() {
  ModelConfig c;
  c.features = 12;
  c.classes = 5;
  c.hidden = {16, 9};
  return c;
}
ModelConfig cnn() {
  ModelConfig c;
  c.kind = "cnn";
  c.height = c.width_px = 14;
  c.classes = 4;
  return c;
}
ModelConfig gpt() {
  ModelConfig c;
  c.kind = "gpt";
  c.layers = 2;
  c.heads = 2;
  c.width = 16;
  c.context = 10;
  return c;
}

TEST(Train, BackwardIsTheDerivativeOfForward) {
  EXPECT_LT(gradient_error(mlp(), nullptr, 4, 3), 1e-6);
  EXPECT_LT(gradient_error(cnn(), nullptr, 4, 3), 1e-6);
  EXPECT_LT(gradient_error(gpt(), nullptr, 2, 3), 1e-6);
}

TEST(Train, ParametersAreAsManyAsTheFormulaSays) {
  const RankContext context{RankId{0}, 1, 1, nullptr};
  for (const ModelConfig& c : {mlp(), cnn(), gpt()}) {
    const Model<float> model(context, c, 2, 1, 1);
    EXPECT_EQ(model.parameters().list().elements(), expected_parameters(c)) << c.kind;
  }
  // GPT-2 with 50257 tokens has 124,439,808; with 256 bytes in their place
  ModelConfig gpt2 = gpt();
  gpt2.layers = 12;
  gpt2.width = 768;
  gpt2.context = 1024;
  EXPECT_EQ(expected_parameters(gpt2), 124'439'808 - (50257 - 256) * 768);
}

TEST(Train, UniformLogitsHaveALossOfLnClasses) {
  Options options;
  Runtime rt(make_local_transports(1)[0], options);
  Model<float> model(rt, mlp(), 2, 3, 1);
  for (const auto& t : model.parameters().list().tensors())
    for (float& w : model.parameters().tensor(t)) w = 0;
  Scalar<double> loss(rt, "loss");
  rt.run("loss", [&](Recorder& r) {
    model.record_forward(r);
    model.record_loss(r, loss, 6);
  });
  EXPECT_NEAR(loss.get(), std::log(5.0), 1e-6);
}

// w_t - w* = (1 - eta h)^t (w_0 - w*) for a loss of h/2 (w - w*)^2
TEST(Train, DescendsAQuadraticAsTheFormulaSays) {
  Options options;
  options.threads = 2;
  Runtime rt(make_local_transports(1)[0], options);
  ParameterList list;
  list.add({{"w", {100}, 1}});
  const Shards shards(rt, 4);
  Parameters<double> p(rt, shards, list, 5);
  const std::vector<double> start(p.weights(0).all().begin(), p.weights(0).all().end());
  OptimiserConfig config;
  config.momentum = 0;
  config.rate = {0.25, 1, 0, 0};
  const Optimiser<double> sgd(p, config);
  Scalar<std::int64_t> first(rt, "first");
  constexpr double h = 0.7, target = 3;
  Graph step = rt.record("step", [&](Recorder& r) {
    r.each(shards,
           make_kernel("gradient",
                       [](Whole<double> w, Out<double> g) {
                         for (std::size_t i = 0; i < w.size(); ++i)
                           g.data[i] = h * (w[i] - target) / 4;  // of 4 shards
                       }),
           read(p.weights(0), whole()), write(p.gradient(0)));
    sgd.record(r, 0, first);
  });
  step.run(10);
  for (std::size_t i = 0; i < start.size(); ++i)
    EXPECT_NEAR(p.weights(0).all()[i] - target, std::pow(1 - 0.25 * h, 10) * (start[i] - target), 1e-13);
}

TEST(Train, RateRisesAndFalls) {
  const RateSchedule rate{2, 0.1, 4, 24};
  EXPECT_DOUBLE_EQ(rate.at(0), 0.5);
  EXPECT_DOUBLE_EQ(rate.at(3), 2);
  EXPECT_DOUBLE_EQ(rate.at(4), 2);
  EXPECT_DOUBLE_EQ(rate.at(14), 1.1);
  EXPECT_DOUBLE_EQ(rate.at(24), 0.2);
  EXPECT_DOUBLE_EQ(rate.at(1000), 0.2);
}

TEST(Train, APassTakesEverySampleOnce) {
  for (const std::uint64_t n : {1U, 2U, 7U, 64U, 1000U}) {
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 0; i < n; ++i) seen.insert(random_numbers::permuted(9, i, n));
    EXPECT_EQ(seen.size(), n);
    EXPECT_EQ(*seen.rbegin(), n - 1);
  }
}

TEST(Train, TextMustHoldASequence) {
  EXPECT_THROW(make_batches(std::shared_ptr<const Text>(generated_text(100, 1)), 16, 1),
               Error);  // 10 to validate
  EXPECT_EQ(
      make_batches(std::shared_ptr<const Text>(generated_text(1000, 1)), 16, 1)->validation_steps(2, 100), 3);
}

TEST(Train, GroupsShareSmallUnitsAndSegmentsAreDealt) {
  ParameterList list;
  list.add({{"a", {10}}});
  list.add({{"b", {10, 10}}, {"c", {3}}});
  list.add({{"d", {200, 100}}});
  list.add({{"e", {5}}});
  EXPECT_EQ(list.group_sizes(), (std::vector<std::int64_t>{113, 20000, 5}));
  EXPECT_EQ(list.unit(1).offsets, (std::vector<std::int64_t>{10, 110}));
  std::set<std::uint32_t> owners;
  const RankContext context{RankId{0}, 3, 1, nullptr};
  const Parameters<float> p(context, Shards(context, 3), list, 1);
  for (std::uint32_t g = 0; g < 3; ++g)
    for (std::uint32_t s = 0; s < p.weights(g).segments().layout().tile_count(); ++s)
      owners.insert(p.weights(g).segments().layout().owner(TileId{s}).value);
  EXPECT_EQ(owners.size(), 3U);
}

TEST(Train, PrintsBytesThatAreNoText) { EXPECT_EQ(printable("a\n\x01z\xff"), "a\n\\x01z\\xff"); }

}  // namespace
}  // namespace tutti::test
