// Random programs on a real runtime: what every rank records and runs, and what must come out.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/runtime.hpp"
#include "tests/graph/random_program.hpp"

namespace tutti::test {

/// Calls try_program(seed) for seeds from `first` on until one fails. TUTTI_RANDOM_PROGRAMS says how many,
/// and TUTTI_RANDOM_SEED where to begin, instead of the arguments.
void for_seeds(std::uint64_t first, std::uint64_t count,
               const std::function<void(std::uint64_t)>& try_program);

class RandomJob {
 public:
  /// Interprets all runs of the program, which must stay.
  explicit RandomJob(const RandomProgram& program);

  /// Does the runs, and between two of them a graph that only swaps. The steps done must be those of the
  /// oracle, and so must the data after each run i for which look(i) is true. Collective.
  void run(Runtime& rt, const std::function<bool(std::size_t)>& look) const;
  /// Looks after every run.
  void run(Runtime& rt) const;

 private:
  struct After {
    std::int64_t steps;  // of this run
    Oracle oracle;
  };
  const RandomProgram& program_;
  std::vector<After> runs_;
};

}  // namespace tutti::test
