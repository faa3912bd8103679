// Recording and replay per node: `time_per_node` is what counts.
#include <benchmark/benchmark.h>

#include "runtime/data/binned_sum.hpp"
#include "runtime/runtime.hpp"

namespace tutti {
namespace {

struct Touch {
  void operator()(Inputs<double>, Out<double> out) const { *out.data = 1; }
};

using Reads = std::vector<TileId> (*)(TileId, std::uint32_t width);

std::vector<TileId> itself(TileId t, std::uint32_t) { return {t}; }
std::vector<TileId> neighbours(TileId t, std::uint32_t width) {
  std::vector<TileId> list;
  if (t.value > 0) list.emplace_back(t.value - 1);
  list.push_back(t);
  if (t.value + 1 < width) list.emplace_back(t.value + 1);
  return list;
}
std::vector<TileId> everybody(TileId, std::uint32_t width) {
  std::vector<TileId> list;
  for (std::uint32_t t = 0; t < width; ++t) list.emplace_back(t);
  return list;
}

/// One operation over tiles that are a cache line apart and do next to nothing.
class Job {
 public:
  Job(std::uint32_t workers, std::uint32_t width, Reads reads)
      : options_(with_workers(workers)),
        rt_(make_local_transports(1).front(), options_),
        grid_(rt_, {width, 1}, {{1, 1}, {}, 4}),
        read_(grid_, "read"),
        written_(grid_, "written"),
        width_(width),
        reads_(reads) {}

  Graph record() {
    return rt_.record("step", [&](Recorder& r) {
      r.each(grid_, make_kernel("touch", Touch{}),
             read(read_, tiles([this](TileId t) { return reads_(t, width_); })), write(written_));
      r.swap(read_, written_);
    });
  }

 private:
  static Options with_workers(std::uint32_t workers) {
    Options options;
    options.threads = static_cast<int>(workers);
    options.watchdog_s = 0;
    return options;
  }
  Options options_;
  Runtime rt_;
  Grid grid_;
  Field<double> read_;
  Field<double> written_;
  std::uint32_t width_;
  Reads reads_;
};

void per_node(benchmark::State& state, std::size_t nodes) {
  state.counters["time_per_node"] =
      benchmark::Counter(static_cast<double>(nodes),
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

/// From the body to the lowered plan and its executor.
void record_and_lower(benchmark::State& state) {
  Job job(1, static_cast<std::uint32_t>(state.range(0)), neighbours);
  std::size_t nodes = 0;
  for (auto _ : state) nodes = job.record().node_count();
  per_node(state, nodes);
}
BENCHMARK(record_and_lower)->ArgName("width")->Arg(32)->Arg(4096)->Unit(benchmark::kMicrosecond);

void replay(benchmark::State& state, Reads reads) {
  constexpr std::int64_t steps = 1000;
  const auto width = static_cast<std::uint32_t>(state.range(1));
  Job job(static_cast<std::uint32_t>(state.range(0)), width, reads);
  Graph graph = job.record();
  for (auto _ : state) graph.run(steps);
  per_node(state, static_cast<std::size_t>(steps) * width);
}
BENCHMARK_CAPTURE(replay, chains, itself)
    ->ArgNames({"workers", "width"})
    ->Args({1, 1})
    ->Args({1, 32})
    ->Args({2, 2})
    ->Args({2, 32})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(replay, stencil, neighbours)
    ->ArgNames({"workers", "width"})
    ->Args({1, 32})
    ->Args({2, 2})
    ->Args({2, 8})
    ->Args({2, 32})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(replay, fans, everybody)
    ->ArgNames({"workers", "width"})
    ->Args({1, 16})
    ->Args({2, 16})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

std::vector<double> terms(std::size_t n) {
  std::vector<double> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = 1.0 / static_cast<double>(i + 1);
  return x;
}

void plain_sum(benchmark::State& state) {
  const auto x = terms(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    double sum = 0;
    for (const double v : x) sum += v;
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(plain_sum)->Arg(1024);

void reproducible_sum(benchmark::State& state) {
  const auto x = terms(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    BinnedSum sum;
    for (const double v : x) sum.add(v);
    benchmark::DoNotOptimize(sum.value());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(reproducible_sum)->Arg(1024);

void reproducible_merge(benchmark::State& state) {
  BinnedSum one;
  one.add(1.0 / 3);
  BinnedSum total = one;
  for (auto _ : state) {
    total.merge(one);
    benchmark::DoNotOptimize(total);
  }
}
BENCHMARK(reproducible_merge);

}  // namespace
}  // namespace tutti
