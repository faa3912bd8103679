#include "miniapps/metg/tutti_system.hpp"

#include <fmt/format.h>

#include "miniapps/metg/hash.hpp"

namespace metg {

using namespace tutti;

namespace {

/// A row of the grid is the output of one point. Ghost cells that nobody reads keep the rows of small outputs
/// apart by whole cache lines: two workers must not write to one line.
Grid make_grid(const Problem& problem, const Runtime& rt) {
  constexpr std::int64_t line_words = apart_bytes / sizeof(std::uint64_t);
  const auto words = static_cast<std::int64_t>(problem.output_words);
  GridOptions options;
  options.tile = {1, words};
  options.halo = static_cast<int>((line_words - words % line_words) % line_words / 2);
  return {rt.context(), {problem.width(), words}, options};
}

/// What step 0 reads.
struct FirstOutput {
  void operator()(const Task& task, Out<std::uint64_t> output) const {
    fill_output(output.data, static_cast<std::size_t>(output.extent(2)), -1, task.tile.value);
  }
};

struct HashOutput {
  std::uint32_t graph;
  std::uint64_t operator()(const Task& task, In<std::uint64_t> output) const {
    std::uint64_t h = hash({graph, task.tile.value});
    for (std::int64_t k = 0; k < output.extent(2); ++k) h = scatter(h ^ output(0, 0, k));
    return h;
  }
};

}  // namespace

/// The task of one graph in one phase.
struct RunTask {
  const Problem* problem;
  WorkerState* workers;  // by number
  std::uint32_t graph;
  Pattern::Phase phase;

  void operator()(const Task& task, Inputs<std::uint64_t> inputs, Out<std::uint64_t> output) const {
    const std::uint32_t point = task.tile.value;
    if (!phase.is_active(point)) return;
    run_task(
        *problem, {graph, point, task.step}, phase.inputs(point),
        [&](std::size_t i) { return inputs[i].data; }, output.data, workers[task.worker.value]);
  }
};

TuttiSystem::TuttiSystem(std::string name, Place place, const Problem& problem, Runtime& rt)
    : System(std::move(name), place, problem, rt.workers()), rt_(rt), grid_(make_grid(problem, rt)) {
  for (std::size_t g = 0; g < problem.graphs.size(); ++g)
    fields_.push_back({{grid_, fmt::format("read{}", g)}, {grid_, fmt::format("written{}", g)}});
  rt.run("start", [&](Recorder& r) {
    for (Fields& f : fields_) r.each(grid_, make_kernel("first_output", FirstOutput{}), write(f.read));
  });
  graph_ =
      std::make_unique<Graph>(rt.record("step", static_cast<int>(problem.phases()), [&](Recorder& r, int p) {
        record_phase(r, static_cast<std::uint32_t>(p));
      }));
}

void TuttiSystem::record_phase(Recorder& r, std::uint32_t phase) {
  for (std::uint32_t g = 0; g < fields_.size(); ++g) {
    const auto producers = [&pattern = problem().graphs[g], phase](TileId tile) {
      std::vector<TileId> list;
      for (const std::uint32_t p : pattern.inputs(phase, tile.value)) list.emplace_back(p);
      return list;
    };
    r.each(grid_, make_kernel("task", RunTask{&problem(), &state_of(0), g, problem().graphs[g].at(phase)}),
           read(fields_[g].read, tiles(producers)), write(fields_[g].written));
    r.swap(fields_[g].read, fields_[g].written);
  }
}

void TuttiSystem::run(std::int64_t /*first*/, std::int64_t steps) { graph_->run(steps); }

std::uint64_t TuttiSystem::checksum() {
  Scalar<std::uint64_t> sum_of_hashes(rt_, "checksum");
  std::uint64_t total = 0;
  for (std::uint32_t g = 0; g < fields_.size(); ++g) {
    rt_.run("checksum", [&](Recorder& r) {
      r.reduce(grid_, make_kernel("hash_output", HashOutput{g}), sum(sum_of_hashes), read(fields_[g].read));
    });
    total += sum_of_hashes.get();
  }
  return total;
}

}  // namespace metg
