// GridLayout against an oracle that works cell by cell.
#include "runtime/data/grid.hpp"

#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "runtime/error.hpp"

namespace tutti {
namespace {

template <class Visit>
void for_each_cell(const Box& box, Visit visit) {
  for (std::int64_t i = box.lo[0]; i < box.hi[0]; ++i)
    for (std::int64_t j = box.lo[1]; j < box.hi[1]; ++j)
      for (std::int64_t k = box.lo[2]; k < box.hi[2]; ++k) visit(Index3{i, j, k});
}

bool inside(const Box& box, const Index3& c) { return box.contains({c, {c[0] + 1, c[1] + 1, c[2] + 1}}); }

/// The unwrapped cells outside tile `box` that its stencil reads and that exist.
std::set<Index3> cells_read(const GridLayout& g, const Box& box, int radius, Shape shape) {
  std::set<Index3> cells;
  Index3 reach{0, 0, 0};
  for (int d = 3 - g.dimensions(); d < 3; ++d) reach[d] = radius;
  for_each_cell(box, [&](const Index3& c) {
    for_each_cell({{-reach[0], -reach[1], -reach[2]}, {reach[0] + 1, reach[1] + 1, reach[2] + 1}},
                  [&](const Index3& o) {
                    const int moved = (o[0] != 0) + (o[1] != 0) + (o[2] != 0);
                    const Index3 at{c[0] + o[0], c[1] + o[1], c[2] + o[2]};
                    if (shape == Shape::faces && moved > 1) return;
                    if (inside(box, at) || (!g.boundary().periodic && !inside(g.domain(), at))) return;
                    cells.insert(at);
                  });
  });
  return cells;
}

struct Problem {
  std::vector<std::int64_t> extents;
  GridOptions options;
  std::uint32_t ranks = 1;
};

Problem random_problem(std::mt19937& random) {
  const auto pick = [&](int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(random); };
  Problem p;
  const int dimensions = pick(1, 3);
  const int longest = dimensions == 1 ? 40 : dimensions == 2 ? 12 : 7;
  for (int d = 0; d < dimensions; ++d) {
    p.extents.push_back(pick(1, longest));
    p.options.tile.push_back(pick(1, 5));
  }
  p.options.halo = pick(0, 4);
  if (pick(0, 1) == 1) p.options.boundary = Boundary::wrap();
  p.ranks = static_cast<std::uint32_t>(pick(1, 8));
  return p;
}

void check_ownership(const GridLayout& g) {
  std::set<TileId> seen;
  std::set<Index3> covered;
  for (std::uint32_t r = 0; r < g.ranks(); ++r) {
    const RankId rank{r};
    std::int64_t cells = 0;
    std::uint32_t index = 0;
    for (const TileId t : g.tiles_of(rank)) {
      EXPECT_TRUE(seen.insert(t).second);
      EXPECT_EQ(g.owner(t), rank);
      EXPECT_EQ(g.index_in_rank(t), index++);
      EXPECT_TRUE(g.block(rank).contains(g.tile_box(t)));
      EXPECT_FALSE(g.tile_box(t).empty());
      cells += g.tile_box(t).size();
      for_each_cell(g.tile_box(t), [&](const Index3& c) { EXPECT_TRUE(covered.insert(c).second); });
    }
    EXPECT_EQ(cells, g.block(rank).size());
    EXPECT_TRUE(std::is_sorted(g.tiles_of(rank).begin(), g.tiles_of(rank).end()));
  }
  EXPECT_EQ(seen.size(), g.tile_count());
  EXPECT_EQ(static_cast<std::int64_t>(covered.size()), g.domain().size());
}

void check_regions(const GridLayout& g, RankId rank, const std::vector<Region>& regions, int radius,
                   Shape shape) {
  std::set<Index3> wanted;
  for (const TileId t : g.tiles_of(rank))
    for (const Index3& c : cells_read(g, g.tile_box(t), radius, shape))
      if (!inside(g.block(rank), c)) wanted.insert(c);
  std::set<Index3> listed;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    const Region& r = regions[i];
    EXPECT_TRUE(g.tile_box(r.producer).contains(r.box));
    EXPECT_FALSE(r.box.empty());
    if (i > 0) {
      EXPECT_LT(std::make_pair(regions[i - 1].shift, regions[i - 1].producer),
                std::make_pair(r.shift, r.producer));
    }
    for_each_cell(shifted(r.box, r.shift), [&](const Index3& c) { EXPECT_TRUE(listed.insert(c).second); });
  }
  EXPECT_EQ(listed, wanted);
}

void check_need(const GridLayout& g, TileId tile, const std::vector<Region>& regions, int radius,
                Shape shape) {
  const HaloNeed need = g.halo_need(tile, radius, shape, regions);
  std::set<Index3> left = cells_read(g, g.tile_box(tile), radius, shape);
  // every piece holds a cell that is read, and all pieces hold them all
  const auto take = [&](const Box& box) {
    const std::size_t before = left.size();
    for_each_cell(box, [&](const Index3& c) { left.erase(c); });
    EXPECT_LT(left.size(), before);
  };
  for (const TileId t : need.own_tiles) {
    EXPECT_NE(t, tile);
    EXPECT_EQ(g.owner(t), g.owner(tile));
    take(g.tile_box(t));
  }
  for (const std::uint32_t r : need.regions) take(shifted(regions.at(r).box, regions.at(r).shift));
  EXPECT_TRUE(left.empty());
}

TEST(GridLayout, AgreesWithOracleOnRandomGrids) {
  std::mt19937 random(20240229);
  for (int trial = 0; trial < 400; ++trial) {
    const Problem p = random_problem(random);
    const GridLayout g(p.extents, p.options, p.ranks);
    SCOPED_TRACE(testing::Message() << "trial " << trial);
    check_ownership(g);
    int most = p.options.halo;
    if (p.options.boundary.periodic)
      for (const std::int64_t e : p.extents) most = std::min(most, static_cast<int>(e));
    for (const Shape shape : {Shape::faces, Shape::box})
      for (std::uint32_t r = 0; r < p.ranks; ++r) {
        const auto regions = g.ghost_regions(RankId{r}, most, shape);
        const auto box_regions = g.ghost_regions(RankId{r}, most, Shape::box);
        check_regions(g, RankId{r}, regions, most, shape);
        for (const TileId t : g.tiles_of(RankId{r}))
          for (int radius = 0; radius <= most; ++radius) {
            check_need(g, t, regions, radius, shape);
            check_need(g, t, box_regions, radius, shape);
          }
      }
    if (testing::Test::HasFailure()) break;
  }
}

TEST(GridLayout, OneDimensionalGridsUseTheContiguousDimension) {
  const GridLayout g({10}, {.tile = {4}, .halo = 2}, 2);
  EXPECT_EQ(g.extents(), (Index3{1, 1, 10}));
  EXPECT_EQ(g.tile_count(), 3u);
  EXPECT_EQ(g.ghosts(), (Index3{0, 0, 2}));
  EXPECT_EQ(g.tile_box(TileId{2}), (Box{{0, 0, 8}, {1, 1, 10}}));
  EXPECT_EQ(g.rank_lattice(), (Index3{1, 1, 2}));
  EXPECT_EQ(g.block(RankId{0}), (Box{{0, 0, 0}, {1, 1, 4}}));
}

TEST(GridLayout, SurfaceDecidesTheRankLattice) {
  const auto parts = [](std::vector<std::int64_t> extents, std::vector<std::int64_t> tile, int ranks) {
    return GridLayout(extents, {.tile = tile}, static_cast<std::uint32_t>(ranks)).rank_lattice();
  };
  EXPECT_EQ(parts({64, 64, 64}, {8, 8, 8}, 2), (Index3{2, 1, 1}));
  EXPECT_EQ(parts({64, 64, 64}, {8, 8, 8}, 4), (Index3{2, 2, 1}));
  EXPECT_EQ(parts({64, 64, 64}, {8, 8, 8}, 8), (Index3{2, 2, 2}));
  EXPECT_EQ(parts({64, 64, 64}, {8, 8, 64}, 8), (Index3{4, 2, 1}));
  EXPECT_EQ(parts({512, 16, 16}, {8, 8, 8}, 4), (Index3{4, 1, 1}));
  EXPECT_EQ(parts({16, 512, 16}, {8, 8, 8}, 4), (Index3{1, 4, 1}));
  EXPECT_EQ(parts({1024}, {64}, 4), (Index3{1, 1, 4}));
  // nine rows of tiles: 3 x 2 is even where 6 x 1 is not
  EXPECT_EQ(parts({72, 64, 64}, {8, 8, 64}, 6), (Index3{3, 2, 1}));
}

TEST(GridLayout, RanksWithoutTilesOwnNothing) {
  const GridLayout g({8, 8}, {.tile = {4, 4}}, 7);
  EXPECT_EQ(g.rank_lattice(), (Index3{1, 2, 2}));
  for (std::uint32_t r = 0; r < 7; ++r) {
    EXPECT_EQ(g.tiles_of(RankId{r}).size(), r < 4 ? 1u : 0u);
    EXPECT_EQ(g.block(RankId{r}).empty(), r >= 4);
  }
  EXPECT_TRUE(g.ghost_regions(RankId{6}, 1, Shape::box).empty());
  // 7 ranks fit no lattice of 3 x 3 tiles; 6 do
  EXPECT_EQ(GridLayout({9, 9}, {.tile = {3, 3}}, 7).rank_lattice(), (Index3{1, 3, 2}));
}

TEST(GridLayout, PeriodicSingleTileReadsItself) {
  const GridLayout g({4, 4}, {.tile = {4, 4}, .boundary = Boundary::wrap(), .halo = 2}, 1);
  const auto regions = g.ghost_regions(RankId{0}, 2, Shape::box);
  ASSERT_EQ(regions.size(), 8u);
  EXPECT_EQ(regions[0], (Region{TileId{0}, {{0, 2, 2}, {1, 4, 4}}, {0, -4, -4}}));
  EXPECT_EQ(g.halo_need(TileId{0}, 2, Shape::faces, regions).regions.size(), 4u);
}

TEST(GridLayout, HomesAreSlabsOfEqualSize) {
  const GridLayout g({16, 64}, {.tile = {1, 64}}, 2);
  for (const std::uint32_t workers : {1u, 3u, 8u, 11u}) {
    std::map<WorkerId, int> count;
    WorkerId last{0};
    for (const TileId t : g.tiles_of(RankId{1})) {
      EXPECT_GE(g.home(t, workers), last);
      last = g.home(t, workers);
      ++count[last];
    }
    EXPECT_LT(last.value, workers);
    for (const auto& [worker, tiles] : count) EXPECT_LE(tiles, static_cast<int>((8 + workers - 1) / workers));
  }
}

std::int64_t tiles_by_default(std::vector<std::int64_t> extents) {
  return GridLayout(extents, {}, 1).tile_count();
}

TEST(DefaultTile, KeepsRowsWholeAndGrowsWithTheGrid) {
  using Tile = std::vector<std::int64_t>;
  EXPECT_EQ(GridLayout::default_tile({64, 64, 64}), (Tile{16, 16, 64}));
  EXPECT_EQ(GridLayout::default_tile({128, 128, 128}), (Tile{16, 32, 128}));
  EXPECT_EQ(GridLayout::default_tile({256, 256, 256}), (Tile{32, 32, 256}));
  EXPECT_EQ(GridLayout::default_tile({512, 512, 512}), (Tile{64, 64, 512}));
  EXPECT_EQ(GridLayout::default_tile({1024, 1024, 1024}), (Tile{64, 64, 1024}));
  EXPECT_EQ(GridLayout::default_tile({4096, 4096}), (Tile{64, 4096}));
  EXPECT_EQ(GridLayout::default_tile({8, 8, 8}), (Tile{8, 8, 8}));
}

TEST(DefaultTile, ThinGridsAreCutAlongTheirLength) {
  for (const std::vector<std::int64_t>& extents : {std::vector<std::int64_t>{1 << 20},
                                                   {1, 1, 1 << 20},
                                                   {1 << 20, 1, 1},
                                                   {1, 1 << 20, 1},
                                                   {4, 4, 1 << 16}}) {
    EXPECT_GE(tiles_by_default(extents), 16);
    EXPECT_LE(tiles_by_default(extents), 64);
  }
  EXPECT_EQ(GridLayout::default_tile({100}), (std::vector<std::int64_t>{100}));
  EXPECT_EQ(GridLayout::default_tile({1000000})[0] % 64, 0);
  EXPECT_EQ(tiles_by_default({1, 1, 1}), 1);
}

TEST(DefaultTile, TilesHaveASensibleSize) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> exponent(0, 7);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<std::int64_t> extents;
    std::int64_t cells = 1;
    for (int d = 0; d <= trial % 3; ++d) {
      extents.push_back(static_cast<std::int64_t>(std::exp2(exponent(random) * (3 - trial % 3))));
      cells *= extents.back();
    }
    std::int64_t per_tile = 1;
    for (const std::int64_t t : GridLayout::default_tile(extents)) per_tile *= t;
    EXPECT_GE(per_tile, std::min<std::int64_t>(cells, 4096));
    if (cells > 1 << 18) {
      EXPECT_GE(tiles_by_default(extents), 16);
    }
  }
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    EXPECT_EQ(e.status(), Status::usage);
    return e.what();
  }
  return "no error";
}

TEST(GridErrors, NameTheValueAndTheDimension) {
  const auto make = [](std::vector<std::int64_t> extents, GridOptions options = {}) {
    return message_of([&] { GridLayout(extents, options, 1); });
  };
  EXPECT_EQ(make({}), "a grid has 1 to 3 dimensions, not 0");
  EXPECT_EQ(make({1, 2, 3, 4}), "a grid has 1 to 3 dimensions, not 4");
  EXPECT_EQ(make({0, 4}), "grid extent 0 in dimension 0 is not positive");
  EXPECT_EQ(make({4, -3}), "grid extent -3 in dimension 1 is not positive");
  EXPECT_EQ(make({1 << 30, 1 << 30, 8}), "a grid of more than 2^62 cells cannot be numbered");
  EXPECT_EQ(make({4, 4}, {.tile = {2}}), "the tile has 1 extents, but the grid has 2 dimensions");
  EXPECT_EQ(make({4, 4}, {.tile = {2, 0}}), "tile extent 0 in dimension 1 is not positive");
  EXPECT_EQ(make({4, 4}, {.halo = -1}), "halo -1 is negative");
  EXPECT_EQ(make({1 << 20, 1 << 20}, {.tile = {1, 1}}),
            "1099511627776 tiles are more than 2^31; use larger tiles");
}

TEST(GridErrors, RadiusMustFit) {
  const GridLayout g({8, 2}, {.tile = {4, 2}, .boundary = Boundary::wrap(), .halo = 3}, 1);
  EXPECT_EQ(message_of([&] { g.ghost_regions(RankId{0}, 4, Shape::faces); }),
            "an access of radius 4 does not fit a grid with halo 3; give GridOptions a larger halo");
  EXPECT_EQ(message_of([&] { g.ghost_regions(RankId{0}, 3, Shape::faces); }),
            "an access of radius 3 meets itself: the periodic grid has only 2 cells in dimension 1");
  EXPECT_NE(message_of([&] { g.halo_need(TileId{0}, 1, Shape::faces, {}); }), "no error");
}

}  // namespace
}  // namespace tutti
