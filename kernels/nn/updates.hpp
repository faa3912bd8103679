// How parameters follow their gradients, as kernels over the segments of a group: the sum over shards, then
// the optimiser. As in functors.hpp, a device finds its bodies by these types.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/nn/nn.hpp"
#include "runtime/data/shard_tree.hpp"

namespace tutti::kernels::nn {

/// The learning rate by step: rises linearly to `peak` over `warm_up` steps, then falls along half a cosine
/// to `last` x peak at step `steps` (Loshchilov and Hutter, SGDR, ICLR 2017).
struct RateSchedule {
  double peak = 0.1;
  double last = 1;  ///< 1: the rate stays at its peak
  std::int64_t warm_up = 0;
  std::int64_t steps = 0;
  double at(std::int64_t step) const;
};

/// Elements of a group that weight decay treats alike.
struct Stretch {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  double weight_decay = 0;
};

/// What both optimisers have. The step of training is `first` + the task's. Total is what turns an
/// operation's inputs into the gradient of a segment: ShardTotal, or another value that is called as that is.
template <class T, class Total = ShardTotal<T>>
struct Update {
  Total total;
  std::vector<Stretch> stretches;
  RateSchedule rate;

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
      if (begin < end) step(begin - task.box.lo[2], end - begin, s.weight_decay);
    }
  }
};

template <class T, class Total = ShardTotal<T>>
struct SgdUpdate : Update<T, Total> {
  double momentum = 0;
  void operator()(const Task& task, Inputs<T> partial, std::int64_t first, InOut<T> velocity,
                  InOut<T> w) const {
    const double rate = this->rate.at(first + task.step);
    if constexpr (requires { &Total::sgd; }) {
      this->each(task, [&](std::int64_t at, std::int64_t n, double decay) {
        const std::int64_t begin = task.box.lo[2] + at;
        this->total.sgd(partial, begin, begin + n,
                        {static_cast<T>(rate), static_cast<T>(momentum), static_cast<T>(decay)},
                        velocity.data + at, w.data + at);
      });
    } else {
      const T* gradient = this->gradient(task, partial);
      this->each(task, [&](std::int64_t at, std::int64_t n, double decay) {
        sgd_step<T>({momentum, decay}, rate, 1, n, gradient + at, velocity.data + at, w.data + at);
      });
    }
  }
};

template <class T, class Total = ShardTotal<T>>
struct AdamWUpdate : Update<T, Total> {
  void operator()(const Task& task, Inputs<T> partial, std::int64_t first, InOut<T> mean, InOut<T> square,
                  InOut<T> w) const {
    const T* gradient = this->gradient(task, partial);
    const std::int64_t step = first + task.step;
    const double rate = this->rate.at(step);
    this->each(task, [&](std::int64_t at, std::int64_t n, double decay) {
      AdamW adamw;
      adamw.weight_decay = decay;
      adamw_step<T>(adamw, rate, step + 1, 1, n, gradient + at, mean.data + at, square.data + at,
                    w.data + at);
    });
  }
};

}  // namespace tutti::kernels::nn
