// Tiles of a few bytes, whose contents travel with the release to the workers that read them: the right
// version, whoever runs the nodes, also when the data is changed between runs.
#include <chrono>

#include <gtest/gtest.h>

#include "tests/graph/local_job.hpp"

namespace tutti::test {
namespace {

constexpr std::uint32_t tile_count = 12;
using Values = std::vector<std::uint64_t>;

std::vector<TileId> partners(TileId t) {  // its neighbours and one far away, so all workers exchange
  return {TileId{(t.value + tile_count - 1) % tile_count}, TileId{(t.value + 1) % tile_count},
          TileId{(t.value * 5 + 3) % tile_count}, t};
}

std::uint64_t mix(std::uint64_t sum, std::uint64_t value) { return 6364136223846793005ULL * sum + value + 1; }

struct Mix {
  std::int64_t delay_every;  // steps; 0: never. A long task is stolen, and stood in for.
  void operator()(const Task& task, Inputs<std::uint64_t> inputs, Out<std::uint64_t> out) const {
    if (delay_every != 0 && (task.step + task.tile.value) % delay_every == 0) {
      const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(15);
      while (std::chrono::steady_clock::now() < end) {
      }
    }
    for (std::int64_t k = 0; k < out.extent(2); ++k) {
      std::uint64_t sum = 0;
      for (const auto& in : inputs) sum = mix(sum, in(0, 0, k));
      out(0, 0, k) = sum;
    }
  }
};

Values mixed(const Values& u, std::size_t width) {
  Values v(u.size());
  for (std::uint32_t t = 0; t < tile_count; ++t)
    for (std::size_t k = 0; k < width; ++k) {
      std::uint64_t sum = 0;
      for (const TileId p : partners(TileId{t})) sum = mix(sum, u[p.index() * width + k]);
      v[t * width + k] = sum;
    }
  return v;
}

struct Case {
  std::uint32_t ranks;
  int threads;
  std::int64_t width;  // elements of a tile; 8 bytes each
  std::int64_t delay_every;
};

class SmallTiles : public ::testing::TestWithParam<Case> {};

TEST_P(SmallTiles, EveryReaderGetsItsVersion) {
  const Case c = GetParam();
  const auto width = static_cast<std::size_t>(c.width);
  Options options;
  options.threads = c.threads;
  run_local_job(c.ranks, options, [&](Runtime& rt) {
    Grid grid(rt, {tile_count, c.width}, {{1, c.width}, Boundary::fixed(0), 0});
    Field<std::uint64_t> a(grid, "a"), b(grid, "b");
    Graph step = rt.record("step", [&](Recorder& r) {
      r.each(grid, make_kernel("mix", Mix{c.delay_every}), read(a, tiles(partners)), write(b));
      r.swap(a, b);
    });
    Values expected(tile_count * width);
    std::uint64_t seed = 1;
    for (const int steps : {1, 2, 7, 64, 3, 500, 1, 1}) {
      const View<std::uint64_t> block = a.block();  // changed between runs, by other means than operations
      for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += seed * i;
      for (std::int64_t j = 0; j < block.extent(1); ++j)
        for (std::int64_t k = 0; k < block.extent(2); ++k)
          block(0, j, k) += seed * static_cast<std::uint64_t>((block.box.lo[1] + j) * c.width + k);
      a.touch();
      ++seed;
      step.run(steps);
      for (int s = 0; s < steps; ++s) expected = mixed(expected, width);
      const View<std::uint64_t> now = a.block();
      for (std::int64_t j = 0; j < now.extent(1); ++j)
        for (std::int64_t k = 0; k < now.extent(2); ++k)
          ASSERT_EQ(now(0, j, k), expected[static_cast<std::size_t>((now.box.lo[1] + j) * c.width + k)])
              << "tile " << now.box.lo[1] + j << " after " << steps << " steps";
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Layouts, SmallTiles,
                         ::testing::Values(Case{1, 1, 2, 0}, Case{1, 2, 1, 0}, Case{1, 2, 2, 0},
                                           Case{1, 2, 3, 0}, Case{1, 2, 4, 0}, Case{1, 4, 2, 0},
                                           Case{1, 2, 2, 17}, Case{1, 3, 2, 5}, Case{2, 2, 2, 0},
                                           Case{3, 2, 2, 7}));

}  // namespace
}  // namespace tutti::test
