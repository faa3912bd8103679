// Rows and how they are dealt; assembly of matrices from entries that any rank may have.
#include "runtime/data/sparse_matrix.hpp"

#include <functional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "runtime/error.hpp"
#include "tests/local_ranks.hpp"

namespace tutti {
namespace {

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& e) {
    EXPECT_EQ(e.status(), Status::usage);
    return e.what();
  }
  return "no error";
}

/// body(context, transport) on each of n ranks at once; returns what they threw.
std::vector<std::string> on_ranks(std::uint32_t n,
                                  const std::function<void(const RankContext&, Transport&)>& body) {
  std::vector<std::string> thrown(n);
  test::on_local_ranks(n, [&](const auto& transport) {
    const RankId rank = transport->rank();
    thrown[rank.index()] = message_of([&] { body({rank, n, 2, nullptr}, *transport); });
  });
  return thrown;
}

TEST(Rows, EachTileHasOneOwnerAndRanksHaveRanges) {
  for (const std::uint32_t ranks : {1U, 2U, 3U, 5U, 12U}) {
    const RowsLayout layout({0, 3, 4, 9, 10, 20, 21, 22}, ranks);
    EXPECT_EQ(layout.tile_count(), 7U);
    std::int64_t row = 0;
    for (std::uint32_t r = 0; r < ranks; ++r) {
      for (const TileId t : layout.tiles_of(RankId{r})) {
        EXPECT_EQ(layout.owner(t), RankId{r});
        EXPECT_EQ(layout.first_row(t), row);
        row += layout.rows(t);
      }
      if (!layout.tiles_of(RankId{r}).empty()) {
        EXPECT_EQ(layout.block(RankId{r}).hi[2], row);
      }
    }
    EXPECT_EQ(row, layout.size());
    for (std::int64_t i = 0; i < layout.size(); ++i) {
      const TileId t = layout.tile_of(i);
      EXPECT_LE(layout.first_row(t), i);
      EXPECT_LT(i, layout.first_row(t) + layout.rows(t));
    }
  }
}

TEST(Rows, BoundsThatMakeNoSense) {
  EXPECT_NE(message_of([] { RowsLayout({0}, 1); }).find("bounds of tiles"), std::string::npos);
  EXPECT_NE(message_of([] { RowsLayout({1, 2}, 1); }).find("start at 0"), std::string::npos);
  EXPECT_EQ(message_of([] { RowsLayout({0, 2, 2}, 1); }), "rows: tile 1 has no rows");
}

TEST(MatrixAssembly, EntriesOfAnyRankArriveInOrder) {
  // rows 0 .. 9 in tiles of 4; row i has the columns i - 3, i and i + 5, where they exist
  for (const std::uint32_t ranks : {1U, 2U, 3U, 4U}) {
    const auto thrown = on_ranks(ranks, [&](const RankContext& context, Transport& transport) {
      const Rows rows(context, 10, 4);
      MatrixAssembly<double> assembly(transport, rows, rows, "a");
      int n = 0;
      for (std::int64_t i = 9; i >= 0; --i) {
        for (const std::int64_t c : {i + 5, i, i - 3})
          if (c >= 0 && c < 10 && n++ % static_cast<int>(ranks) == static_cast<int>(context.rank.value))
            assembly.add(i, c, static_cast<double>(100 * i + c));
        if (i % 3 == 0) assembly.exchange();
      }
      const SparseMatrix<double> a = assembly.finish();
      EXPECT_EQ(a.entries(), 22);
      EXPECT_TRUE(a.has_diagonal());
      for (const TileId tile : rows.layout().tiles_of(context.rank)) {
        const CsrTile<double>& t = a.tile(tile);
        const std::int64_t first = rows.layout().first_row(tile);
        EXPECT_EQ(t.rows, rows.layout().rows(tile));
        EXPECT_EQ(t.own_columns, t.rows);
        std::vector<std::int64_t> global;
        for (std::uint32_t i = 0; i < t.rows; ++i) global.push_back(first + i);
        for (const auto& part : a.column_map()->parts[rows.layout().index_in_rank(tile)])
          for (const std::uint32_t p : part.positions)
            global.push_back(rows.layout().first_row(part.producer) + p);
        ASSERT_EQ(global.size(), t.columns);
        for (std::uint32_t i = 0; i < t.rows; ++i) {
          EXPECT_EQ(t.column[t.diagonal[i]], i);
          for (std::uint32_t k = t.first[i]; k < t.first[i + 1]; ++k) {
            if (k > t.first[i]) {
              EXPECT_LT(t.column[k - 1], t.column[k]);
            }
            EXPECT_EQ(k >= t.outside[i], t.column[k] >= t.rows);
            EXPECT_EQ(t.value[k], static_cast<double>(100 * (first + i) + global[t.column[k]]));
          }
        }
      }
    });
    for (const std::string& t : thrown) EXPECT_EQ(t, "no error");
  }
}

TEST(MatrixAssembly, RefusesWhatIsOutsideOrTwice) {
  const auto twice = on_ranks(3, [](const RankContext& context, Transport& transport) {
    const Rows rows(context, 9, 2), columns(context, 5, 2);
    MatrixAssembly<double> assembly(transport, rows, columns, "a");
    if (context.rank.value != 1) assembly.add(7, 3, 1.0);
    assembly.finish();
  });
  for (const std::string& t : twice) EXPECT_EQ(t, "matrix 'a': entry (7, 3), counted from 0, is given twice");
  const auto outside = on_ranks(1, [](const RankContext& context, Transport& transport) {
    const Rows rows(context, 9, 2), columns(context, 5, 2);
    MatrixAssembly<float>(transport, rows, columns, "b").add(3, 5, 1.0F);
  });
  EXPECT_EQ(outside[0], "matrix 'b': entry (3, 5), counted from 0, is outside its 9 rows and 5 columns");
}

TEST(MatrixAssembly, ARowWithoutDiagonal) {
  on_ranks(2, [](const RankContext& context, Transport& transport) {
    const Rows rows(context, 4, 2);
    MatrixAssembly<double> assembly(transport, rows, rows, "a");
    if (context.rank.value == 0) assembly.add(0, 0, 1.0);
    const SparseMatrix<double> a = assembly.finish();
    EXPECT_FALSE(a.has_diagonal());
    EXPECT_EQ(a.entries(), 1);
  });
}

}  // namespace
}  // namespace tutti
