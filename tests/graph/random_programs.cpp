// Random programs on 1 to 8 simulated ranks must equal their sequential interpretation exactly.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/graph/random_job.hpp"
#include "tests/graph/simulator.hpp"
#include "tests/local_ranks.hpp"

namespace tutti::test {
namespace {

void try_program(std::uint64_t seed, std::uint32_t ranks) {
  const RandomProgram program = RandomProgram::make(seed);
  SCOPED_TRACE(fmt::format("{} ranks, {}", ranks, program.describe()));
  std::vector<RankContext> contexts;
  std::vector<std::unique_ptr<RecordedProgram>> data(ranks);
  std::vector<Record> records;
  for (std::uint32_t r = 0; r < ranks; ++r) {
    contexts.push_back({RankId{r}, ranks, 1 + static_cast<std::uint32_t>(seed % 3), nullptr});
  }
  on_local_ranks(ranks, [&](const std::shared_ptr<Transport>& transport) {
    const std::size_t r = transport->rank().index();
    data[r] = std::make_unique<RecordedProgram>(program, contexts[r], *transport);
  });
  for (std::uint32_t r = 0; r < ranks; ++r) {
    Record record{"random", {}};
    for (std::size_t p = 0; p < program.phases.size(); ++p) {
      Recorder recorder("random");
      data[r]->record(recorder, static_cast<int>(p));
      record.phases.push_back(recorder.take());
    }
    records.push_back(std::move(record));
  }
  Oracle oracle(program);
  Simulator simulator(std::move(records), contexts, seed * 31 + ranks);
  for (std::uint32_t r = 0; r < ranks; ++r)
    if (simulator.plan(r).nodes.size() < 400) {
      ASSERT_NO_THROW(check_single_token(simulator.flow(r)));
    }
  for (const std::int64_t steps : program.runs) {
    const std::int64_t expected = oracle.run(steps);
    ASSERT_EQ(simulator.run(steps), expected);
    for (const auto& d : data) ASSERT_EQ(oracle.difference(*d), "");
    if (const RandomStatement* swap = program.outside_swap()) {
      oracle.swap_fields(*swap);
      for (const auto& d : data)
        std::swap(d->fields[static_cast<std::size_t>(swap->a)].name()->store,
                  d->fields[static_cast<std::size_t>(swap->b)].name()->store);
    }
  }
}

TEST(RandomPrograms, EqualSequentialExecution) {
  for_seeds(1, 300,
            [](std::uint64_t seed) { try_program(seed, 1 + static_cast<std::uint32_t>(seed * 7 % 8)); });
}

}  // namespace
}  // namespace tutti::test
