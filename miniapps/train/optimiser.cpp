#include "miniapps/train/optimiser.hpp"

#include <fmt/format.h>

using namespace tutti;

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
  std::visit([&](const auto& sum) { record(r, group, first, sum); }, parameters_.sum(group));
}

template <class T>
template <class Sum>
void Optimiser<T>::record(Recorder& r, std::uint32_t group, const Scalar<std::int64_t>& first,
                          const Sum& sum) const {
  using Total = std::remove_cvref_t<decltype(sum.total())>;
  const Replicated<T>& w = parameters_.weights(group);
  nn::Update<T, Total> update{sum.total(), {}, config_.rate};
  for (const auto& t : parameters_.list().tensors()) {
    if (t.group != group) continue;
    const nn::Stretch next{t.offset, t.offset + t.tensor.elements(),
                           t.tensor.decays ? config_.weight_decay : 0};
    if (!update.stretches.empty() && update.stretches.back().weight_decay == next.weight_decay)
      update.stretches.back().end = next.end;
    else
      update.stretches.push_back(next);
  }
  double flops = 0;  // of the sum, where they count beside memory
  if constexpr (requires { sum.flops(); }) flops = sum.flops();
  sum.record_partial(r);
  if (config_.kind == "sgd")
    r.each(w.segments(),
           make_kernel("sgd", nn::SgdUpdate<T, Total>{std::move(update), config_.momentum},
                       {flops + 6, 5 * sizeof(T)}),
           sum.read_partial(), read(first), tutti::update(states_[0][group]), tutti::update(w));
  else
    r.each(w.segments(),
           make_kernel("adamw", nn::AdamWUpdate<T, Total>{std::move(update)}, {flops + 16, 7 * sizeof(T)}),
           sum.read_partial(), read(first), tutti::update(states_[0][group]),
           tutti::update(states_[1][group]), tutti::update(w));
}

template class Optimiser<float>;
template class Optimiser<double>;
