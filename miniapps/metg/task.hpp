// One task, the same for every system that is measured: check the inputs, compute, leave an output.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "miniapps/metg/patterns.hpp"
#include "miniapps/metg/task_kernels.hpp"

namespace metg {

/// The words after the first pair of an output. Apart, so that the usual 16 bytes cost what 16 bytes cost.
void fill_rest(std::uint64_t* output, std::size_t words, std::int64_t step, std::uint32_t point);
bool rest_is_output_of(const std::uint64_t* output, std::size_t words, std::int64_t step,
                       std::uint32_t point);

/// An output is filled with pairs of words (step, point), at least one.
inline void fill_output(std::uint64_t* output, std::size_t words, std::int64_t step, std::uint32_t point) {
  output[0] = static_cast<std::uint64_t>(step);
  output[1] = point;
  if (words > 2) fill_rest(output, words, step, point);
}

/// True if all of it says (step, point).
inline bool is_output_of(const std::uint64_t* output, std::size_t words, std::int64_t step,
                         std::uint32_t point) {
  const std::uint64_t differences =
      (output[0] ^ static_cast<std::uint64_t>(step)) | (output[1] ^ std::uint64_t{point});
  return differences == 0 && (words == 2 || rest_is_output_of(output, words, step, point));
}

/// What workers did.
struct Tally {
  std::uint64_t tasks = 0;
  std::uint64_t inputs = 0;    ///< checked
  std::uint64_t failures = 0;  ///< inputs that were not the wanted output
};

/// What two workers write is so far apart: processors may fetch cache lines in pairs.
inline constexpr std::size_t apart_bytes = 128;

/// What one worker has for itself.
struct alignas(apart_bytes) WorkerState {
  Tally tally;
  std::byte* scratch = nullptr;  ///< scratch_bytes for memory_bound, else null
};

/// What is run: several graphs of the same width, and the work of a task.
struct Problem {
  std::vector<Pattern> graphs;
  TaskWork work;
  std::size_t output_words = 2;  ///< of a task's output, 8 bytes each; even
  bool check = true;             ///< every task checks its inputs

  std::uint32_t width() const { return graphs.front().width(); }
  std::uint32_t phases() const { return graphs.front().phases(); }
};

/// Runs task `id` of a graph. `producers` are the points of the step before whose outputs it must get;
/// `input(i)` points to the one that the system delivered as number i.
template <class Input>
void run_task(const Problem& problem, TaskId id, std::span<const std::uint32_t> producers, Input input,
              std::uint64_t* output, WorkerState& worker) {
  if (problem.check) {
    const std::size_t words = problem.output_words;
    for (std::size_t i = 0; i < producers.size(); ++i)
      if (!is_output_of(input(i), words, id.step - 1, producers[i])) ++worker.tally.failures;
    worker.tally.inputs += producers.size();
  }
  problem.work.execute(id, worker.scratch);
  fill_output(output, problem.output_words, id.step, id.point);
  ++worker.tally.tasks;
}

/// The outputs of two steps of one graph (written and read in turn), for systems without storage of their
/// own: points first .. first+count-1, each output in cache lines of its own.
class Outputs {
 public:
  Outputs(const Problem& problem, std::uint32_t first, std::uint32_t count);
  Outputs(Outputs&&) = default;
  std::uint64_t* of(std::int64_t step, std::uint32_t point) {
    return words_.data() + offset_ + ((step & 1) * std::size_t{count_} + point - first_) * pitch_;
  }

 private:
  std::uint32_t first_;
  std::uint32_t count_;
  std::size_t pitch_;   // words
  std::size_t offset_;  // words to the first cache line
  std::vector<std::uint64_t> words_;
};

}  // namespace metg
