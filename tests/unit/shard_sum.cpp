// Sums over shards: the tree depends on the number of shards alone, and so do the bits of a sum.
#include "runtime/data/shard_sum.hpp"

#include <gtest/gtest.h>

#include "runtime/error.hpp"
#include "tests/graph/local_job.hpp"

namespace tutti::test {
namespace {

TEST(ShardTree, SplitsAtTheLargestPowerOfTwoBelow) {
  EXPECT_EQ(ShardTree::middle({0, 2}), 1U);
  EXPECT_EQ(ShardTree::middle({0, 5}), 4U);
  EXPECT_EQ(ShardTree::middle({0, 8}), 4U);
  EXPECT_EQ(ShardTree::middle({4, 7}), 6U);
}

TEST(ShardTree, RanksHaveSubtrees) {
  const auto subtrees = [](std::int64_t shards, std::uint32_t ranks) {
    return subtrees_of_ranks(ShardLayout(shards, 1, ranks));
  };
  EXPECT_EQ(subtrees(8, 1), (std::vector<ShardRange>{{0, 8}}));
  EXPECT_EQ(subtrees(8, 2), (std::vector<ShardRange>{{0, 4}, {4, 8}}));
  EXPECT_EQ(subtrees(8, 3), (std::vector<ShardRange>{{0, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 8}}));
  EXPECT_EQ(subtrees(3, 8), (std::vector<ShardRange>{{0, 1}, {1, 2}, {2, 3}}));
}

TEST(ShardLayout, DealsConsecutiveShardsWhateverTheirSize) {
  for (const std::uint32_t ranks : {1U, 2U, 3U, 5U, 9U})
    for (const std::int64_t shards : {1, 4, 7, 8}) {
      const ShardLayout one(shards, 1, ranks), many(shards, 1000, ranks);
      EXPECT_TRUE(many.fits(one));
      EXPECT_FALSE(many.equals(one));
      for (std::uint32_t s = 0; s < shards; ++s) {
        EXPECT_EQ(one.owner(TileId{s}), many.owner(TileId{s}));
        EXPECT_EQ(many.tile_box(TileId{s}).size(), 1000);
        if (s > 0) {
          EXPECT_GE(one.owner(TileId{s}), one.owner(TileId{s - 1}));
        }
      }
    }
  EXPECT_FALSE(ShardLayout(4, 1, 2).fits(ShardLayout(8, 1, 2)));
  EXPECT_FALSE(RowsLayout({0, 1, 2, 3, 4}, 2).fits(ShardLayout(4, 1, 2)));
  EXPECT_THROW(ShardLayout(0, 1, 1), Error);
  EXPECT_THROW(ShardLayout(1, 0, 1), Error);
}

TEST(Rows, OwnersMustHaveConsecutiveTiles) {
  const RowsLayout layout({0, 3, 5, 6}, {RankId{1}, RankId{1}, RankId{0}}, 3);
  EXPECT_EQ(layout.block(RankId{1}), (Box{{0, 0, 0}, {1, 1, 5}}));
  EXPECT_TRUE(layout.block(RankId{2}).empty());
  EXPECT_FALSE(layout.equals(RowsLayout({0, 3, 5, 6}, {RankId{0}, RankId{0}, RankId{1}}, 3)));
  EXPECT_THROW(RowsLayout({0, 3, 5, 6}, {RankId{1}, RankId{0}, RankId{1}}, 3), Error);
  EXPECT_THROW(RowsLayout({0, 3}, {RankId{1}}, 1), Error);
  EXPECT_THROW(RowsLayout({0, 3}, {}, 1), Error);
}

constexpr std::int64_t elements = 1000;

float term(std::int64_t shard, std::int64_t i) {
  return static_cast<float>((shard * 7919 + i * 104729) % 10007) * 1e-3F - 5;
}

float plain_tree(std::int64_t begin, std::int64_t end, std::int64_t i) {
  if (end - begin == 1) return term(begin, i);
  const auto middle = static_cast<std::int64_t>(
      ShardTree::middle({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)}));
  return plain_tree(begin, middle, i) + plain_tree(middle, end, i);
}

// One optimiser's step: the weights become the sums of two steps' gradients, and every rank sees them.
TEST(ShardSum, HasTheSameBitsOnAnyRanksAndWorkers) {
  for (const std::int64_t shards : {1, 3, 8})
    for (const auto& [ranks, workers, schedule] : {std::tuple{1U, 1, Schedule::tasks},
                                                   {1U, 3, Schedule::tasks},
                                                   {2U, 2, Schedule::tasks},
                                                   {3U, 1, Schedule::tasks},
                                                   {4U, 1, Schedule::bulk}}) {
      Options options;
      options.threads = workers;
      options.schedule = schedule;
      run_local_job(ranks, options, [&](Runtime& rt) {
        const Shards space(rt, shards);
        Sharded<float> terms(space, elements, "terms");
        std::vector<RankId> owners;
        for (std::uint32_t s = 0; s < 4; ++s) owners.emplace_back((s * std::min(4U, ranks) / 4 + 1) % ranks);
        Replicated<float> w(Rows(rt, {0, 300, 304, 700, elements}, owners), "w");
        const ShardSum<float> sum(space, terms, w.segments(), "partial");
        Graph step = rt.record("step", [&](Recorder& r) {
          r.each(space,
                 make_kernel("make",
                             [](const Task& task, Whole<float> w, Out<float> terms) {
                               for (std::int64_t i = 0; i < elements; ++i)
                                 terms.data[i] = term(task.tile.value, i) + w[static_cast<std::size_t>(i)];
                             }),
                 read(w, whole()), write(terms));
          sum.record_partial(r);
          r.each(
              w.segments(),
              make_kernel("total", [total = sum.total()](const Task& task, Inputs<float> partial,
                                                         Out<float> w) { total(partial, task.box, w.data); }),
              sum.read_partial(), write(w));
        });
        const Shards ranks_space(rt, ranks);
        Scalar<std::uint64_t> wrong(rt, "wrong");
        step.run(1);
        rt.run("look", [&](Recorder& r) {
          r.reduce(ranks_space,
                   make_kernel("compare",
                               [shards](Whole<float> w) {
                                 std::uint64_t n = 0;
                                 for (std::int64_t i = 0; i < elements; ++i)
                                   n += w[static_cast<std::size_t>(i)] != plain_tree(0, shards, i) ? 1 : 0;
                                 return n;
                               }),
                   tutti::sum(wrong), read(w, whole()));
        });
        EXPECT_EQ(wrong.get(), 0U) << shards << " shards, " << ranks << " ranks";
        const float before = w.all()[7];
        step.run(1);
        rt.run("look again", [&](Recorder& r) {
          r.reduce(ranks_space,
                   make_kernel("differs",
                               [before](Whole<float> w) { return std::uint64_t{w[7] == before ? 1U : 0U}; }),
                   tutti::sum(wrong), read(w, whole()));
        });
        EXPECT_EQ(wrong.get(), 0U);
      });
    }
}

TEST(Replicated, IsReadWholeOnlyIfItIsOne) {
  const RankContext context{RankId{0}, 1, 1, nullptr};
  const Rows rows(context, 4, 2);
  Vector<float> v(rows, "v");
  Vector<float> to(rows, "to");
  Recorder r("step");
  const Kernel kernel = make_kernel("k", [](Whole<float>, Out<float>) {});
  try {
    r.each(rows, kernel, read(v, whole()), write(to));
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(),
                 "graph 'step', operation 'k', argument 1: whole() reads a Replicated, and 'v' is none");
  }
}

}  // namespace
}  // namespace tutti::test
