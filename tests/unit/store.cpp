// Stores, their memory and budget, and the copying of cells.
#include "runtime/data/store.hpp"

#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "runtime/data/grid.hpp"
#include "runtime/error.hpp"

namespace tutti {
namespace {

constexpr ElementType float64 = element_type<double>();

RankContext context(std::uint32_t rank = 0, std::uint32_t ranks = 1, std::uint32_t workers = 2,
                    std::shared_ptr<MemoryBudget> budget = nullptr) {
  return {RankId{rank}, ranks, workers, std::move(budget)};
}

double& at(const Argument& a, std::int64_t i, std::int64_t j, std::int64_t k) {
  return static_cast<double*>(a.data)[i * a.stride0 + j * a.stride1 + k];
}

template <class Visit>
void for_each(const Box& box, Visit visit) {
  for (std::int64_t i = 0; i < box.extent(0); ++i)
    for (std::int64_t j = 0; j < box.extent(1); ++j)
      for (std::int64_t k = 0; k < box.extent(2); ++k) visit(i, j, k);
}

std::uintptr_t address(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }

std::string message_of(const std::function<void()>& call, Status status) {
  try {
    call();
  } catch (const Error& e) {
    EXPECT_EQ(e.status(), status);
    return e.what();
  }
  return "no error";
}

TEST(MemoryBudget, RefusesWhatDoesNotFit) {
  MemoryBudget budget(std::uint64_t{5} << 30);
  budget.take(std::uint64_t{1} << 29, "field 'a'");
  EXPECT_EQ(
      message_of([&] { budget.take(13207024435, "field 'u'"); }, Status::environment),
      "field 'u' needs 12.3 GiB on this rank, but only 4.5 GiB are left; use more ranks or a smaller grid");
  EXPECT_EQ(budget.used_bytes(), std::uint64_t{1} << 29);
  budget.give(std::uint64_t{1} << 29);
  budget.take(std::uint64_t{5} << 30, "field 'b'");
  EXPECT_EQ(
      message_of([&] { budget.take(1, "field 'c'"); }, Status::environment),
      "field 'c' needs 1 bytes on this rank, but only 0 bytes are left; use more ranks or a smaller grid");
}

TEST(Memory, IsAlignedZeroAndAccounted) {
  const auto budget = std::make_shared<MemoryBudget>(std::uint64_t{1} << 30);
  for (const std::uint64_t bytes : {1ul, 4096ul, 5000ul, (4ul << 20) - 1, 4ul << 20, (9ul << 20) + 12345}) {
    const Memory memory(bytes, "test", budget);
    EXPECT_EQ(address(memory.data()) % (bytes >= (4ul << 20) ? 2ul << 20 : 64ul), 0u);
    EXPECT_EQ(memory.size_bytes(), bytes);
    EXPECT_EQ(budget->used_bytes(), bytes);
    for (std::uint64_t i = 0; i < bytes; ++i) ASSERT_EQ(memory.data()[i], std::byte{0});
    std::memset(memory.data(), 1, bytes);
  }
  EXPECT_EQ(budget->used_bytes(), 0u);
  EXPECT_EQ(Memory(0, "nothing", budget).data(), nullptr);
}

TEST(Memory, SmallPiecesBeginAtDifferentPlacesOfTheirPages) {
  std::vector<std::unique_ptr<Memory>> pieces;
  std::set<std::uint64_t> places;
  for (int i = 0; i < 64; ++i) {
    pieces.push_back(std::make_unique<Memory>(100, "test", nullptr));
    places.insert(address(pieces.back()->data()) % 4096);
  }
  EXPECT_EQ(places.size(), pieces.size());
}

TEST(Memory, RefusalBySystemIsAnError) {
  const auto budget = std::make_shared<MemoryBudget>(std::uint64_t{1} << 63);
  const std::string message =
      message_of([&] { Memory(std::uint64_t{1} << 60, "field 'u'", budget); }, Status::environment);
  EXPECT_EQ(message.rfind("field 'u' needs 1.0 EiB on this rank, but the system", 0), 0u) << message;
  EXPECT_EQ(budget->used_bytes(), 0u);
}

TEST(Store, HoldsBlockAndGhostsFilled) {
  for (const std::uint32_t workers : {1u, 2u, 5u})
    for (const std::vector<std::int64_t>& extents :
         {std::vector<std::int64_t>{70}, {9, 40}, {6, 7, 33}, {4, 5, 3}, {1, 1, 1}})
      for (std::uint32_t rank = 0; rank < 3; ++rank) {
        const GridOptions options{.tile = std::vector<std::int64_t>(extents.size(), 4), .halo = 2};
        const Grid grid(context(rank, 3, workers), extents, options);
        const double fill = 2.5;
        const Store store(grid, float64, &fill, "u");
        const Box block = grid.layout().block(RankId{rank});
        if (block.empty()) continue;
        const Argument all = store.cells(grown(block, grid.layout().ghosts()));
        for_each(all.box, [&](auto i, auto j, auto k) { ASSERT_EQ(at(all, i, j, k), fill); });
        EXPECT_EQ(store.block().box, block);
      }
}

TEST(Store, CellsAreDistinctAndTilesLookIntoTheBlock) {
  const Grid grid(context(), {6, 10, 40}, {.tile = {2, 4, 16}, .halo = 3});
  const double zero = 0;
  const Store store(grid, float64, &zero, "u");
  const Argument all = store.cells(grown(grid.layout().block(RankId{0}), grid.layout().ghosts()));
  double number = 0;
  for_each(all.box, [&](auto i, auto j, auto k) { at(all, i, j, k) = number++; });
  number = 0;
  for_each(all.box, [&](auto i, auto j, auto k) { ASSERT_EQ(at(all, i, j, k), number++); });
  for (const TileId t : grid.layout().tiles_of(RankId{0})) {
    const Argument tile = store.tile(t);
    EXPECT_EQ(tile.box, grid.layout().tile_box(t));
    for_each(tile.box, [&](auto i, auto j, auto k) {
      ASSERT_EQ(&at(tile, i, j, k),
                &at(all, tile.box.lo[0] + 3 + i, tile.box.lo[1] + 3 + j, tile.box.lo[2] + 3 + k));
    });
  }
}

struct Odd {
  static constexpr const char* element_name = "odd";
  char bytes[24];
};

TEST(Store, LongRowsAreAlignedAndSpreadOverCacheSets) {
  for (const std::int64_t row : {32, 100, 505, 509, 510, 511, 512, 1022, 1024})
    for (const int halo : {0, 1, 2}) {
      const Grid grid(context(), {5, 64 - 2 * halo, row}, {.halo = halo});
      const double zero = 0;
      const Argument block = Store(grid, float64, &zero, "u").block();
      EXPECT_EQ(address(block.data) % 64, 0u);
      EXPECT_EQ(block.stride1 * 8 % 64, 0);
      EXPECT_EQ(block.stride0 * 8 % 64, 0);
      EXPECT_NE(block.stride1 * 8 % 4096, 0) << row << ' ' << halo;
      EXPECT_NE(block.stride0 * 8 % 4096, 0) << row << ' ' << halo;
    }
  const Grid grid(context(), {3, 3, 50});
  const Odd odd{"abc"};
  const Store store(grid, element_type<Odd>(), &odd, "o");
  EXPECT_EQ(address(store.block().data) % 64, 0u);
  EXPECT_EQ(store.block().stride1 * 24 % 64, 0);
  const Argument ghosts = store.cells(grown(grid.layout().domain(), {1, 1, 1}));
  EXPECT_STREQ(static_cast<Odd*>(ghosts.data)[ghosts.stride0 + ghosts.stride1 + 51].bytes, "abc");
}

TEST(Store, PaddingIsCheap) {
  const auto overhead = [](std::vector<std::int64_t> extents) {
    const auto budget = std::make_shared<MemoryBudget>(std::uint64_t{1} << 40);
    const Grid grid(context(0, 1, 1, budget), extents);
    const double zero = 0;
    const Store store(grid, float64, &zero, "u");
    return static_cast<double>(budget->used_bytes()) /
           (8.0 * static_cast<double>(grid.layout().domain().size()));
  };
  // 512 rows in both slow dimensions would take a gigabyte; per plane the layout is the same
  EXPECT_LE(overhead({32, 512, 512}) * (514.0 / 512) / (34.0 / 32), 1.06);
  EXPECT_LE(overhead({128, 128, 128}), 1.15);
  EXPECT_LE(overhead({1 << 20, 1}), 3.01);
  EXPECT_LE(overhead({1 << 20}), 1.01);
}

TEST(Store, OverBudgetIsRefusedAndNamed) {
  const auto budget = std::make_shared<MemoryBudget>(1 << 20);
  const double zero = 0;
  const Grid small(context(0, 1, 1, budget), {16, 16, 16});
  const Grid large(context(0, 1, 1, budget), {128, 128, 128});
  {
    const Store u(small, float64, &zero, "u");
    EXPECT_GT(budget->used_bytes(), 16u * 16 * 16 * 8);
    const std::string message = message_of([&] { Store(large, float64, &zero, "v"); }, Status::environment);
    EXPECT_EQ(message.rfind("field 'v' needs 1", 0), 0u) << message;
  }
  EXPECT_EQ(budget->used_bytes(), 0u);
  const Grid absurd(context(), {1 << 30, 1 << 30}, {.tile = {1 << 20, 1 << 20}});
  EXPECT_NE(message_of([&] { Store(absurd, float64, &zero, "w"); }, Status::environment), "no error");
}

TEST(Store, RanksWithoutTilesHoldNothing) {
  const auto budget = std::make_shared<MemoryBudget>(100);
  const Grid grid(context(1, 2, 2, budget), {4, 4}, {.tile = {4, 4}});
  const double zero = 0;
  const Store store(grid, float64, &zero, "u");
  EXPECT_EQ(budget->used_bytes(), 0u);
  EXPECT_TRUE(store.block().box.empty());
}

TEST(Store, ScalarsHoldTheirValue) {
  const double value = 4.25;
  const Store store(float64, &value);
  EXPECT_TRUE(store.is_scalar());
  EXPECT_EQ(*static_cast<double*>(store.value()), 4.25);
}

TEST(Store, GhostTilesAreAllocatedOnceAndPacked) {
  const auto budget = std::make_shared<MemoryBudget>(1 << 20);
  const Grid grid(context(0, 2, 1, budget), {8, 10}, {.tile = {4, 4}});
  const double zero = 0;
  Store store(grid, float64, &zero, "u");
  const std::uint64_t before = budget->used_bytes();
  const Argument tile = store.ghost_tile(TileId{5});
  EXPECT_EQ(tile.box, grid.layout().tile_box(TileId{5}));
  EXPECT_EQ(tile.stride1, 2);
  EXPECT_EQ(store.ghost_tile(TileId{5}).data, tile.data);
  EXPECT_EQ(budget->used_bytes(), before + 4 * 2 * 8);
}

Box random_box(std::mt19937& random, const Box& in) {
  Box box;
  for (int d = 0; d < 3; ++d) {
    // whole extents often, so that rows and planes merge
    const std::int64_t n = in.extent(d);
    box.lo[d] =
        in.lo[d] + (random() % 2 ? 0 : static_cast<std::int64_t>(random() % static_cast<unsigned>(n)));
    const std::int64_t rest = in.hi[d] - box.lo[d];
    box.hi[d] = random() % 2
                    ? in.hi[d]
                    : box.lo[d] + 1 + static_cast<std::int64_t>(random() % static_cast<unsigned>(rest));
  }
  return box;
}

TEST(CopyCells, PackUnpackAndCopyMoveExactlyTheBox) {
  std::mt19937 random(5);
  for (int trial = 0; trial < 300; ++trial) {
    const std::int64_t row = trial % 2 ? 3 : 40;  // rows without and with padding
    const Grid grid(context(), {4, 5, row}, {.halo = trial % 3});
    const double none = -1;
    const Store from(grid, float64, &none, "from");
    const Store to(grid, float64, &none, "to");
    const Box whole = grown(grid.layout().domain(), grid.layout().ghosts());
    const Argument source = from.cells(whole);
    double number = 0;
    for_each(whole, [&](auto i, auto j, auto k) { at(source, i, j, k) = number++; });

    const Box box = random_box(random, whole);
    std::vector<std::byte> buffer(static_cast<std::size_t>(box.size()) * 8);
    EXPECT_EQ(pack_cells(from.cells(box), 8, buffer.data()), buffer.size());
    std::size_t next = 0;
    for_each(box, [&](auto i, auto j, auto k) {
      double value = 0;
      std::memcpy(&value, &buffer[8 * next++], 8);
      ASSERT_EQ(value, at(from.cells(box), i, j, k));
    });
    if (trial % 2)
      EXPECT_EQ(unpack_cells(buffer.data(), 8, to.cells(box)), buffer.size());
    else
      copy_cells(from.cells(box), to.cells(box), 8);
    const Argument target = to.cells(whole);
    for_each(whole, [&](auto i, auto j, auto k) {
      const Index3 c{whole.lo[0] + i, whole.lo[1] + j, whole.lo[2] + k};
      const bool moved = box.contains({c, {c[0] + 1, c[1] + 1, c[2] + 1}});
      ASSERT_EQ(at(target, i, j, k), moved ? at(source, i, j, k) : none);
    });
  }
}

TEST(CopyCells, EmptyBoxesMoveNothing) {
  const Argument empty;
  EXPECT_EQ(pack_cells(empty, 8, nullptr), 0u);
  EXPECT_EQ(unpack_cells(nullptr, 8, empty), 0u);
  copy_cells(empty, empty, 8);
}

}  // namespace
}  // namespace tutti
