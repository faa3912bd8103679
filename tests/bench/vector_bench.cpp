// What the fusions of an iteration of preconditioned conjugate gradients save, and what the order of the plan
// saves: time of its vector operations, one by one and fused, tile after tile (tasks) and operation by
// operation (bulk). Fused, r . z and p . q are formed by the sweep and the product, from what these have in
// cache, and are not part of the time. Interleaved in one process.
//
//   vector_bench [rows [threads [repeats]]]
#include <chrono>
#include <cstdlib>
#include <vector>

#include <fmt/format.h>
#include <tutti/tutti.hpp>

#include "kernels/sparse.hpp"

namespace {

using namespace tutti;

enum class Kind { separate, fused };

class Iteration {
 public:
  Iteration(Runtime& rt, std::int64_t n) : rt_(rt), rows_(rt, n, 16384) {}

  Graph record(Kind kind) {
    const auto none = [](double sum) { return 0 * sum; };
    return rt_.record("iteration", [&](Recorder& r) {
      if (kind == Kind::separate) r.reduce(rows_, kernels::dot(), sum(rz_), read(r_), read(z_));
      r.compute(none, read(rz_), write(beta_));
      r.each(rows_, kernels::xpby(), read(z_), read(beta_), update(p_));
      if (kind == Kind::separate) r.reduce(rows_, kernels::dot(), sum(pq_), read(p_), read(q_));
      r.compute(none, read(pq_), write(alpha_));
      if (kind == Kind::fused) {
        r.reduce(rows_, kernels::cg_update(), sum(rr_), read(alpha_), read(p_), read(q_), update(x_),
                 update(r_));
      } else {
        r.each(rows_, kernels::axpy(), read(alpha_), read(p_), update(x_));
        r.each(rows_, kernels::axpy(), read(alpha_), read(q_), update(r_));
        r.reduce(rows_, kernels::norm2(), sum(rr_), read(r_));
      }
    });
  }

 private:
  Runtime& rt_;
  Rows rows_;
  Vector<double> r_{rows_, "r", 1.0}, z_{rows_, "z"}, p_{rows_, "p"}, q_{rows_, "q"}, x_{rows_, "x"};
  Scalar<double> rz_{rt_, "rz"}, pq_{rt_, "pq"}, rr_{rt_, "rr"}, alpha_{rt_, "alpha"}, beta_{rt_, "beta"};
};

double iteration_ns(Graph& graph) {
  constexpr int steps = 3;
  const auto begin = std::chrono::steady_clock::now();
  graph.run(steps);
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  return took.count() / steps;
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t rows = argc > 1 ? std::atoll(argv[1]) : 4'000'000;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 1, repeats = argc > 3 ? std::atoi(argv[3]) : 15;
  fmt::print("{} rows, {} threads; ns per row, median of {} (95 % interval)\n", rows, threads, repeats);
  std::vector<std::shared_ptr<Transport>> transports;
  std::vector<std::unique_ptr<Runtime>> runtimes;
  std::vector<std::unique_ptr<Iteration>> iterations;
  std::vector<std::vector<Graph>> graphs;  // by schedule and kind
  for (const Schedule schedule : {Schedule::tasks, Schedule::bulk}) {
    Options options;
    options.threads = threads;
    options.schedule = schedule;
    transports.push_back(make_local_transports(1)[0]);
    runtimes.push_back(std::make_unique<Runtime>(transports.back(), options));
    iterations.push_back(std::make_unique<Iteration>(*runtimes.back(), rows));
    graphs.emplace_back();
    for (const Kind kind : {Kind::separate, Kind::fused}) {
      graphs.back().push_back(iterations.back()->record(kind));
      graphs.back().back().run(2);
    }
  }
  std::vector<std::vector<std::vector<double>>> row_ns(2, std::vector<std::vector<double>>(2));
  for (int repeat = 0; repeat < repeats; ++repeat)
    for (std::size_t s = 0; s < 2; ++s)
      for (std::size_t k = 0; k < 2; ++k)
        row_ns[s][k].push_back(iteration_ns(graphs[s][k]) / static_cast<double>(rows));
  const auto print = [](const char* name, const std::vector<double>& values) {
    const auto m = median_interval(values);
    fmt::print("{:>46} {:8.3f} ({:.3f} .. {:.3f})\n", name, m.median, m.low, m.high);
  };
  for (std::size_t s = 0; s < 2; ++s) {
    fmt::print("schedule {}\n", s == 0 ? "tasks" : "bulk");
    std::vector<double> ratio;
    for (std::size_t i = 0; i < row_ns[s][0].size(); ++i) ratio.push_back(row_ns[s][1][i] / row_ns[s][0][i]);
    print("one by one, 112 bytes a row", row_ns[s][0]);
    print("fused, 72 bytes a row", row_ns[s][1]);
    print("fused / one by one (bytes: 0.643)", ratio);
  }
  return 0;
}
