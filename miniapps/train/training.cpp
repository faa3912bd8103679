#include "miniapps/train/training.hpp"

#include <bit>

#include "kernels/nn/random.hpp"

using namespace tutti;

Training::Training(Runtime& rt, const Batches& batches, Model<float>& model, const OptimiserConfig& optimiser,
                   std::int64_t validation_steps)
    : rt_(rt),
      batches_(batches),
      model_(model),
      optimiser_(model.parameters(), optimiser),
      validation_steps_(validation_steps),
      first_(rt, "first step"),
      number_(rt, "validation batch"),
      loss_(rt, "loss"),
      noted_(rt, "noted"),
      validation_loss_(rt, "validation loss"),
      correct_(rt, "correct"),
      one_per_rank_(rt, rt.ranks()),
      hash_(one_per_rank_, 1, "hash"),
      least_(rt, "least"),
      greatest_(rt, "greatest"),
      losses_(std::make_shared<std::vector<double>>()) {
  const double rows = static_cast<double>(model_.rows() * model_.shards().count());
  step_ = rt_.record("step", [&](Recorder& r) {
    batches_.record_training(r, model_, first_);
    model_.record_forward(r);
    model_.record_loss(r, loss_, rows);
    model_.record_backward(r,
                           [&](Recorder& to, std::uint32_t group) { optimiser_.record(to, group, first_); });
    r.compute(
        [losses = losses_](double loss, std::int64_t step) {
          const auto at = static_cast<std::size_t>(step);
          if (at >= losses->size()) losses->resize(at + 1);
          (*losses)[at] = loss;
          return loss;
        },
        read(loss_), read(tutti::step_number), write(noted_));
  });
  validation_ = rt_.record("validation", [&](Recorder& r) {
    batches_.record_validation(r, model_, number_);
    model_.record_forward(r);
    model_.record_validation(r, validation_loss_, correct_);
  });
  comparison_ = rt_.record("comparison", [&](Recorder& r) {
    r.each(one_per_rank_, make_kernel("no_hash", [](Out<std::uint64_t> hash) { hash.data[0] = 0; }),
           write(hash_));
    const Parameters<float>& p = model_.parameters();
    for (std::uint32_t g = 0; g < p.group_count(); ++g)
      r.each(one_per_rank_,
             make_kernel("hash",
                         [g](Whole<float> w, InOut<std::uint64_t> hash) {
                           for (std::size_t i = 0; i < w.size(); ++i)
                             hash.data[0] += random_numbers::mixed(
                                 (std::uint64_t{g} << 56 | i) ^
                                 random_numbers::mixed(std::bit_cast<std::uint32_t>(w[i])));
                         }),
             read(p.weights(g), whole()), update(hash_));
    const Kernel value = make_kernel("value", [](In<std::uint64_t> hash) { return hash.data[0]; });
    r.reduce(one_per_rank_, value, min(least_), read(hash_));
    r.reduce(one_per_rank_, value, max(greatest_), read(hash_));
  });
}

Training::Copies Training::compare_copies() {
  comparison_->run(1);
  return {least_.get(), least_.get() == greatest_.get()};
}

Training::Validation Training::validate() {
  const std::int64_t batch = model_.samples() * model_.shards().count();
  const std::int64_t steps = batches_.validation_steps(batch, validation_steps_);
  const auto rows = static_cast<double>(batches_.validation_rows(batch, steps));
  Validation v;
  for (std::int64_t s = 0; s < steps; ++s) {
    number_.set(s);
    validation_->run(1);
    v.loss += validation_loss_.get() / rows;
    v.accuracy += static_cast<double>(correct_.get()) / rows;
  }
  return v;
}

std::vector<double> Training::losses() const {
  return {losses_->begin(), losses_->begin() + step_->steps_done()};
}
