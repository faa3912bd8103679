#include "miniapps/train/gradient_check.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/nn/random.hpp"
#include "runtime/error.hpp"

using namespace tutti;

namespace {

void fill_input(const Model<double>& model, std::uint64_t seed) {
  std::uint64_t at = 0;
  for (std::uint32_t s = 0; s < model.shards().count(); ++s) {
    const auto random_below = [&](std::int64_t n) {
      return static_cast<std::int32_t>(random_numbers::bits(seed, at++) % static_cast<std::uint64_t>(n));
    };
    if (model.config().is_text()) {
      for (auto& token : model.tokens().shard(TileId{s})) token = random_below(ModelConfig::bytes);
    } else {
      for (double& x : model.input().shard(TileId{s})) x = random_numbers::normal(seed, at++);
    }
    for (auto& label : model.labels().shard(TileId{s})) label = random_below(model.config().columns());
  }
}

}  // namespace

double gradient_error(const ModelConfig& config, const Parameters<float>* weights, std::int64_t samples,
                      std::uint64_t seed) {
  constexpr std::int64_t shards = 2;
  if (samples < shards || samples % shards != 0)
    usage_error("gradient check: {} samples in 2 shards", samples);
  Options options;
  options.threads = 1;
  options.watchdog_s = 0;
  Runtime rt(make_local_transports(1)[0], options);
  Model<double> model(rt, config, shards, samples / shards, seed);
  Parameters<double>& p = model.parameters();
  if (weights != nullptr)
    for (const auto& t : p.list().tensors()) std::ranges::copy(weights->tensor(t), p.tensor(t).begin());
  fill_input(model, seed);

  Scalar<double> loss(rt, "loss");
  const auto rows = static_cast<double>(model.rows() * shards);
  std::vector<Vector<double>> gradients;
  for (std::uint32_t g = 0; g < p.group_count(); ++g)
    gradients.emplace_back(p.weights(g).segments(), fmt::format("total {}", g));
  Graph both = rt.record("both", [&](Recorder& r) {
    model.record_forward(r);
    model.record_loss(r, loss, rows);
    model.record_backward(r, [&](Recorder& to, std::uint32_t group) {
      std::visit(
          [&](const auto& sum) {
            sum.record_partial(to);
            to.each(p.weights(group).segments(),
                    make_kernel("total",
                                [total = sum.total()](const Task& task, Inputs<double> partial,
                                                      Out<double> g) { total(partial, task.box, g.data); }),
                    sum.read_partial(), write(gradients[group]));
          },
          p.sum(group));
    });
  });
  Graph forward = rt.record("forward", [&](Recorder& r) {
    model.record_forward(r);
    model.record_loss(r, loss, rows);
  });
  both.run(1);

  double square = 0;
  for (const auto& g : gradients)
    for (const double x : g.block()) square += x * x;
  const double norm = std::sqrt(square);
  if (norm == 0) return 0;
  constexpr double h = 1e-5;
  const auto moved_loss = [&](double distance) {
    for (std::uint32_t g = 0; g < p.group_count(); ++g) {
      const auto w = p.weights(g).all();
      const auto d = gradients[g].block();
      for (std::size_t i = 0; i < w.size(); ++i) w[i] += distance / norm * d[i];
    }
    p.touch();
    forward.run(1);
    return loss.get();
  };
  const double above = moved_loss(h), below = moved_loss(-2 * h);
  return std::abs((above - below) / (2 * h) - norm) / norm;
}
