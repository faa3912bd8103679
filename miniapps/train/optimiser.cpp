#include "miniapps/train/optimiser.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

using namespace tutti;
namespace nn = tutti::kernels::nn;

double RateSchedule::at(std::int64_t step) const {
  if (step < warm_up) return peak * static_cast<double>(step + 1) / static_cast<double>(warm_up);
  if (last == 1 || steps <= warm_up) return peak;
  const double part =
      std::min(1.0, static_cast<double>(step - warm_up) / static_cast<double>(steps - warm_up));
  return peak * (last + (1 - last) * (1 + std::cos(std::numbers::pi * part)) / 2);
}

namespace {

/// Elements of a group that weight decay treats alike.
struct Stretch {
  std::int64_t begin;
  std::int64_t end;
  bool decays;
};

template <class T>
struct Update {
  typename ShardSum<T>::Total total;
  std::vector<Stretch> stretches;
  OptimiserConfig config;

  /// The segment's gradient, in memory of the calling thread.
  const T* gradient(const Task& task, const Inputs<T>& partial) const {
    thread_local std::vector<T> sum;
    sum.resize(static_cast<std::size_t>(task.box.extent(2)));
    total(partial, task.box, sum.data());
    return sum.data();
  }
  /// step(offset in the segment, count, weight decay) for each stretch in it.
  template <class F>
  void each(const Task& task, const F& step) const {
    for (const Stretch& s : stretches) {
      const std::int64_t begin = std::max(s.begin, task.box.lo[2]), end = std::min(s.end, task.box.hi[2]);
      if (begin < end) step(begin - task.box.lo[2], end - begin, s.decays ? config.weight_decay : 0.0);
    }
  }
};

template <class T>
struct SgdUpdate : Update<T> {
  void operator()(const Task& task, Inputs<T> partial, std::int64_t first, InOut<T> velocity,
                  InOut<T> w) const {
    const T* gradient = this->gradient(task, partial);
    const double rate = this->config.rate.at(first + task.step);
    this->each(task, [&](std::int64_t at, std::int64_t n, double decay) {
      nn::sgd_step<T>({this->config.momentum, decay}, rate, 1, n, gradient + at, velocity.data + at,
                      w.data + at);
    });
  }
};

template <class T>
struct AdamWUpdate : Update<T> {
  void operator()(const Task& task, Inputs<T> partial, std::int64_t first, InOut<T> mean, InOut<T> square,
                  InOut<T> w) const {
    const T* gradient = this->gradient(task, partial);
    const std::int64_t step = first + task.step;
    const double rate = this->config.rate.at(step);
    this->each(task, [&](std::int64_t at, std::int64_t n, double decay) {
      nn::AdamW adamw;
      adamw.weight_decay = decay;
      nn::adamw_step<T>(adamw, rate, step + 1, 1, n, gradient + at, mean.data + at, square.data + at,
                        w.data + at);
    });
  }
};

}  // namespace

template <class T>
Optimiser<T>::Optimiser(const Parameters<T>& parameters, const OptimiserConfig& config)
    : parameters_(parameters), config_(config) {
  names_ = config.kind == "sgd" ? std::vector<std::string>{"velocity"}
                                : std::vector<std::string>{"mean", "square"};
  for (const std::string& name : names_) {
    auto& groups = states_.emplace_back();
    for (std::uint32_t g = 0; g < parameters.group_count(); ++g)
      groups.emplace_back(parameters.weights(g).segments(), fmt::format("{} {}", name, g));
  }
}

template <class T>
void Optimiser<T>::record(Recorder& r, std::uint32_t group, const Scalar<std::int64_t>& first) const {
  const ShardSum<T>& sum = parameters_.sum(group);
  const Replicated<T>& w = parameters_.weights(group);
  std::vector<Stretch> stretches;
  for (const auto& t : parameters_.list().tensors())
    if (t.group == group) stretches.push_back({t.offset, t.offset + t.tensor.elements(), t.tensor.decays});
  const Update<T> update{sum.total(), stretches, config_};
  sum.record_partial(r);
  if (config_.kind == "sgd")
    r.each(w.segments(), make_kernel("sgd", SgdUpdate<T>{update}, {6, 5 * sizeof(T)}), sum.read_partial(),
           read(first), tutti::update(states_[0][group]), tutti::update(w));
  else
    r.each(w.segments(), make_kernel("adamw", AdamWUpdate<T>{update}, {16, 7 * sizeof(T)}),
           sum.read_partial(), read(first), tutti::update(states_[0][group]),
           tutti::update(states_[1][group]), tutti::update(w));
}

template class Optimiser<float>;
template class Optimiser<double>;
