#include "tests/graph/random_job.hpp"

#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tutti::test {

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace

void for_seeds(std::uint64_t first, std::uint64_t count,
               const std::function<void(std::uint64_t)>& try_program) {
  first = from_environment("TUTTI_RANDOM_SEED", first);
  count = from_environment("TUTTI_RANDOM_PROGRAMS", count);
  fmt::print("seeds {} to {}\n", first, first + count - 1);
  for (std::uint64_t seed = first; seed < first + count && !::testing::Test::HasFailure(); ++seed)
    try_program(seed);
}

RandomJob::RandomJob(const RandomProgram& program) : program_(program) {
  Oracle oracle(program);
  for (const std::int64_t steps : program.runs) {
    if (const RandomStatement* swap = program.outside_swap(); swap && !runs_.empty())
      oracle.swap_fields(*swap);
    const std::int64_t done = oracle.run(steps);
    runs_.push_back({done, oracle});
  }
}

void RandomJob::run(Runtime& rt, const std::function<bool(std::size_t)>& look) const {
  RecordedProgram data(program_, rt, rt.transport());
  Graph graph = rt.record("random", static_cast<int>(program_.phases.size()),
                          [&](Recorder& r, int phase) { data.record(r, phase); });
  const RandomStatement* swap = program_.outside_swap();
  Graph outside = rt.record("outside", [&](Recorder& r) {
    if (swap) data.record_swap(r, *swap);
  });
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (i > 0) outside.run(1);
    EXPECT_EQ(graph.run(program_.runs[i]), runs_[i].steps) << program_.describe();
    if (look(i)) {
      EXPECT_EQ(runs_[i].oracle.difference(data), "") << "after run " << i << " of " << program_.describe();
    }
  }
}

void RandomJob::run(Runtime& rt) const {
  run(rt, [](std::size_t) { return true; });
}

}  // namespace tutti::test
