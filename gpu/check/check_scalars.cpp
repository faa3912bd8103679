// Scalars on the device: their arithmetic, reductions over tiles, and loops that a scalar ends.
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "gpu/check/checks.hpp"
#include "gpu/check/mirror.hpp"
#include "kernels/blas1/blas1.hpp"
#include "runtime/data/combine.hpp"
#include "runtime/device/step_loop.hpp"

namespace tutti::gpu_check {
namespace {

template <class T>
Argument list(std::vector<T>& v) {
  const auto n = static_cast<std::int64_t>(v.size());
  return {v.empty() ? nullptr : v.data(), n, n, {{0, 0, 0}, {1, 1, n}}};
}

/// Of all magnitudes; now and then one that is not finite, or 0.
double any_number(Bench& bench) {
  using Limits = std::numeric_limits<double>;
  switch (bench.between(0, 40)) {
    case 0:
      return 0;
    case 1:
      return bench.between(0, 1) ? Limits::infinity() : -Limits::infinity();
    case 2:
      return Limits::quiet_NaN();
    default:
      return std::ldexp(bench.uniform(), static_cast<int>(bench.between(-1060, 1020)));
  }
}

/// The kernel on many sets of numbers, each a part of the launch.
void arithmetic(Bench& bench, const Kernel& kernel) {
  constexpr std::size_t sets = 500;
  const std::size_t count = kernel.parameters.size();
  std::vector<double> numbers(sets * count);
  for (double& x : numbers) x = any_number(bench);
  std::vector<std::vector<Argument>> parts(sets);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    parts[i / count].push_back({&numbers[i], 1, 1, {{0, 0, 0}, {1, 1, 1}}});
  compare(bench, kernel.name, kernel, parts, {&numbers}, {});
}

void notes(Bench& bench) {
  std::vector<double> value{bench.uniform()}, steps(2), squares(100);
  bench.fill(squares);
  for (const std::int64_t step : {7, 106, 107}) {  // first, last, and behind the end
    steps = {std::bit_cast<double>(step), std::bit_cast<double>(std::int64_t{7})};
    compare(bench, "note " + std::to_string(step - 7), kernels::note(),
            {{list(value), {&steps[0], 1, 1, {}}, {&steps[1], 1, 1, {}}, list(squares)}},
            {&value, &steps, &squares}, {&squares});
  }
}

void combinations(Bench& bench, const ElementType& type) {
  const bool real = type == element_type<double>();
  for (const Combine how : {Combine::sum, Combine::max, Combine::min})
    for (const std::int64_t n : {std::int64_t{0}, std::int64_t{1}, bench.between(2, 255), std::int64_t{256},
                                 bench.between(257, 20000)}) {
      std::vector<double> values(static_cast<std::size_t>(n));
      const bool finite = bench.between(0, 1) != 0;
      for (double& x : values) {
        do x = real ? any_number(bench) : std::bit_cast<double>(bench.random());
        while (real && finite && !std::isfinite(x));
      }
      static constexpr const char* names[] = {"sum", "max", "min"};
      compare(bench,
              "combine " + std::to_string(n) + " " + type.name + " " + names[static_cast<std::size_t>(how)],
              combine_tiles(type, how), {{list(values)}}, {&values}, {});
    }
}

/// y = x + beta y in even steps; in odd ones y . y, which ends the run a step later once it is small. The
/// loop is launched for a few steps at first, and again after its end.
void loop(Bench& bench) {
  const std::string title = bench.bodies + " loop on the device";
  if (!bench.device.has_loops()) {
    bench.report.left_out(title, "this toolkit or driver has no conditional graph nodes");
    return;
  }
  std::vector<double> x(3000), y(x.size()), beta{0.75}, limit{1e-6};
  bench.fill(y);
  std::vector<std::uint64_t> partial(1), total(1), decision(1), none(1), no_decisions;
  std::vector<std::int64_t> lag{1}, no_lags;
  std::vector<StepLoop> state{{0, 0, 1000, 0, -1}};
  Mirror mirror(bench.device, bench.stream);
  for (const auto* v : {&x, &y, &beta, &limit}) mirror.add(*v);
  for (const auto* v : {&partial, &total, &decision, &none}) mirror.add(*v);
  mirror.add(lag);
  mirror.add(state);

  // what each step does: kernels with their arguments, and where their values go
  struct Call {
    Kernel kernel;
    std::vector<Argument> arguments;
    std::vector<std::uint64_t>* result;
  };
  const std::vector<std::vector<Call>> steps{
      {{kernels::xpby(), {list(x), list(beta), list(y)}, &none},
       {end_of_step(2), {list(no_decisions), list(no_lags), list(state)}, &none}},
      {{kernels::dot(), {list(y), list(y)}, &partial},
       {combine_tiles(element_type<double>(), Combine::sum), {list(partial)}, &total},
       {kernels::not_above(), {list(total), list(limit)}, &decision},
       {end_of_step(2), {list(decision), list(lag), list(state)}, &none}}};
  const Call resume_few{resume_steps(5), {list(state)}, &none},
      resume_many{resume_steps(5000), {list(state)}, &none};

  std::vector<std::unique_ptr<PreparedLaunch>> launches;
  const auto prepare = [&](const Call& c) -> PreparedLaunch& {
    launches.push_back(bench.device.prepare(mirror.launch(c.kernel, {c.arguments}, *c.result)));
    return *launches.back();
  };
  std::vector<std::unique_ptr<DeviceGraph>> graphs;
  std::vector<DeviceGraph*> pieces;
  for (const auto& step : steps) {
    std::vector<PreparedLaunch*> calls;
    for (const Call& c : step) calls.push_back(&prepare(c));
    bench.device.begin_capture(bench.stream);
    for (PreparedLaunch* c : calls) bench.device.launch(*c, bench.stream);
    graphs.push_back(bench.device.end_capture(bench.stream));
    pieces.push_back(graphs.back().get());
  }
  const auto* on_device = reinterpret_cast<const StepLoop*>(mirror.on_device(state.data()));
  const auto graph = bench.device.make_loop(pieces, &on_device->next);
  PreparedLaunch& few = prepare(resume_few);
  PreparedLaunch& many = prepare(resume_many);
  const auto launch = [&](PreparedLaunch& resume) {
    bench.device.launch(resume, bench.stream);
    bench.device.launch(*graph, bench.stream);
  };
  launch(few);
  const std::int64_t paused_at = mirror.fetch(state)[0].step;
  launch(many);
  launch(many);
  const StepLoop after = mirror.fetch(state)[0];

  const auto call = [](const Call& c) {
    c.kernel.tile(c.kernel.functor.get(), Task{}, c.arguments.data(), c.result->data());
  };
  const auto y_on_device = mirror.fetch(y);
  call(resume_many);
  while (state[0].next >= 0)
    for (const Call& c : steps[static_cast<std::size_t>(state[0].next)]) call(c);
  const bool same = y_on_device == y && mirror.fetch(total) == total && paused_at == 5 &&
                    after.step == state[0].step && after.limit == after.step && after.step < 1000;
  bench.report.check(title, same,
                     std::to_string(after.step) + " steps, on the host " + std::to_string(state[0].step));
}

}  // namespace

void check_scalars(Bench& bench) {
  using namespace kernels;
  for (const Kernel& k : {same(), quotient(), quotient_or_zero(), pipelined_alpha(), not_above()})
    arithmetic(bench, k);
  notes(bench);
  for (const ElementType& type :
       {element_type<double>(), element_type<std::int64_t>(), element_type<std::uint64_t>()})
    combinations(bench, type);
  loop(bench);
}

}  // namespace tutti::gpu_check
