// Each pass by itself, on the plans of several simulated ranks built in one process.
#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "tests/graph/simulator.hpp"

namespace tutti::test {
namespace {

struct Smooth {
  void operator()(In<double, 1> u, Out<double> v) const {
    for (std::int64_t j = 0; j < u.extent(1); ++j)
      for (std::int64_t k = 0; k < u.extent(2); ++k)
        v(0, j, k) = u(0, j, k - 1) + u(0, j, k + 1) + u(0, j - 1, k) + u(0, j + 1, k);
  }
};
struct Total {
  double operator()(In<double> u) const { return u(0, 0, 0); }
};
struct Gather {
  void operator()(Inputs<double> from, Out<double> to) const {
    to(0, 0, 0) = from.size() == 0 ? 0 : from[0](0, 0, 0);
  }
};

/// The same small program on every rank: fields u, v and scalar s on a grid of 8 x 8 cells in tiles of 2 x 4.
class Ranks {
 public:
  explicit Ranks(std::uint32_t ranks, Boundary boundary = Boundary::fixed(0),
                 std::vector<std::int64_t> extents = {8, 8}, std::vector<std::int64_t> tile = {}) {
    if (tile.empty()) tile = {2, extents[1] / 2};
    for (std::uint32_t r = 0; r < ranks; ++r) {
      contexts.push_back({RankId{r}, ranks, 1, nullptr});
      grids.emplace_back(contexts[r], extents, GridOptions{tile, boundary, 1});
      u.emplace_back(grids[r], "u");
      v.emplace_back(grids[r], "v");
      s.emplace_back(contexts[r], "s");
    }
  }
  template <class Body>  // body(recorder, rank)
  Simulator simulate(const Body& body) {
    std::vector<Record> records;
    for (std::uint32_t r = 0; r < contexts.size(); ++r) {
      Recorder recorder("graph");
      body(recorder, r);
      records.push_back({"graph", {recorder.take()}});
    }
    return Simulator(std::move(records), contexts, 1);
  }
  void smooth(Recorder& r, std::uint32_t rank) {
    r.each(grids[rank], make_kernel("smooth", Smooth{}), read(u[rank], halo(1)), write(v[rank]));
    r.swap(u[rank], v[rank]);
  }

  std::vector<RankContext> contexts;
  std::vector<Grid> grids;
  std::vector<Field<double>> u;
  std::vector<Field<double>> v;
  std::vector<Scalar<double>> s;
};

std::size_t count(const Plan& plan, NodeKind kind) {
  return static_cast<std::size_t>(
      std::count_if(plan.nodes.begin(), plan.nodes.end(), [&](const PlanNode& n) { return n.kind == kind; }));
}

TEST(Unroll, SwapMakesTwoCopies) {
  Ranks ranks(1);
  const Simulator sim = ranks.simulate([&](Recorder& r, std::uint32_t rank) { ranks.smooth(r, rank); });
  const Program& program = *sim.plan(0).program;
  EXPECT_EQ(program.copies, 2U);
  ASSERT_EQ(program.operations.size(), 2U);
  EXPECT_EQ(program.operations[0].stores, (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(program.operations[1].stores, (std::vector<std::int32_t>{1, 0}));
}

TEST(Unroll, IndependentSwapsMultiply) {
  Ranks ranks(1);
  std::vector<Field<double>> more;
  for (const char* name : {"a", "b", "c"}) more.emplace_back(ranks.grids[0], name);
  const Simulator sim = ranks.simulate([&](Recorder& r, std::uint32_t) {
    r.swap(ranks.u[0], ranks.v[0]);  // a cycle of two
    r.swap(more[0], more[1]);        // and one of three
    r.swap(more[1], more[2]);
  });
  EXPECT_EQ(sim.plan(0).program->copies, 6U);
}

TEST(Exchange, OneMessagePerNeighbourAndStep) {
  Ranks ranks(4);  // 2 x 2 blocks of 4 x 4 cells, two tiles each
  const Simulator sim = ranks.simulate([&](Recorder& r, std::uint32_t rank) { ranks.smooth(r, rank); });
  for (std::uint32_t r = 0; r < 4; ++r) {
    const Plan& plan = sim.plan(r);
    EXPECT_EQ(count(plan, NodeKind::run), 2 * ranks.grids[r].layout().tiles_of(RankId{r}).size());
    const auto sends = count(plan, NodeKind::send);
    EXPECT_EQ(sends, count(plan, NodeKind::receive));
    std::set<std::uint32_t> partners;
    for (const PlanMessage& m : plan.messages) partners.insert(m.spec.partner.value);
    EXPECT_EQ(sends, 2 * partners.size());  // small pieces for one neighbour travel together
  }
}

TEST(Exchange, TilesOfOneStepShareAMessage) {
  Ranks ranks(2);
  const Simulator sim = ranks.simulate([&](Recorder& r, std::uint32_t rank) {
    const auto all = [](TileId) {
      std::vector<TileId> list;
      for (std::uint32_t t = 0; t < 8; ++t) list.emplace_back(t);
      return list;
    };
    r.each(ranks.grids[rank], make_kernel("gather", Gather{}), read(ranks.u[rank], tiles(all)),
           write(ranks.v[rank]));
    r.swap(ranks.u[rank], ranks.v[rank]);
  });
  ASSERT_EQ(count(sim.plan(0), NodeKind::send), 2U);  // one in each copy, with four tiles of 8 cells
  for (const PlanMessage& m : sim.plan(0).messages) EXPECT_EQ(m.spec.bytes, 4 * 8 * sizeof(double));
}

TEST(Exchange, CollectionsOfOneStepShareAMessage) {
  Ranks ranks(2);
  std::vector<Field<double>> w;
  std::vector<Field<double>> x;
  for (const Grid& grid : ranks.grids) {
    w.emplace_back(grid, "w");
    x.emplace_back(grid, "x");
  }
  const Simulator sim = ranks.simulate([&](Recorder& r, std::uint32_t rank) {
    ranks.smooth(r, rank);
    r.each(ranks.grids[rank], make_kernel("smooth", Smooth{}), read(w[rank], halo(1)), write(x[rank]));
    r.swap(w[rank], x[rank]);
  });
  EXPECT_EQ(count(sim.plan(0), NodeKind::send), 2U);     // one in each copy
  EXPECT_EQ(sim.plan(0).messages[0].pieces.size(), 4U);  // two tiles of each field
}

TEST(Exchange, FollowsTheWriterOfItsStep) {
  Ranks ranks(2);
  const Simulator sim = ranks.simulate([&](Recorder& r, std::uint32_t rank) {
    const auto smooth = make_kernel("smooth", Smooth{});
    r.each(ranks.grids[rank], smooth, read(ranks.u[rank], halo(1)), write(ranks.v[rank]));
    r.each(ranks.grids[rank], smooth, read(ranks.v[rank], halo(1)), write(ranks.u[rank]));
  });
  EXPECT_EQ(count(sim.plan(0), NodeKind::send), 2U);  // u, and later v
}

TEST(Exchange, LargePiecesTravelAlone) {
  Ranks ranks(2, Boundary::fixed(0), {128, 128, 64}, {64, 64, 64});  // faces of 64 x 64 cells: 32 KiB
  const Simulator sim = ranks.simulate([&](Recorder& r, std::uint32_t rank) { ranks.smooth(r, rank); });
  EXPECT_EQ(count(sim.plan(0), NodeKind::send), 4U);  // two tiles, two copies
}

TEST(Exchange, BothSidesAgreeOnTagsAndSizes) {
  Ranks ranks(5, Boundary::wrap());
  const Simulator sim = ranks.simulate([&](Recorder& r, std::uint32_t rank) {
    ranks.smooth(r, rank);
    r.reduce(ranks.grids[rank], make_kernel("total", Total{}), sum(ranks.s[rank]), read(ranks.u[rank]));
  });
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, std::uint64_t> sent;
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, std::uint64_t> received;
  for (std::uint32_t r = 0; r < 5; ++r)
    for (const PlanMessage& m : sim.plan(r).messages) {
      if (m.spec.sending)
        sent[{r, m.spec.partner.value, m.spec.tag}] = m.spec.bytes;
      else
        received[{m.spec.partner.value, r, m.spec.tag}] = m.spec.bytes;
    }
  EXPECT_FALSE(sent.empty());
  EXPECT_EQ(sent, received);
}

TEST(Exchange, DataThatTheBodyDoesNotWriteIsExchangedOnlyAtEntry) {
  Ranks ranks(2);
  const Simulator sim = ranks.simulate([&](Recorder& r, std::uint32_t rank) {
    r.each(ranks.grids[rank], make_kernel("smooth", Smooth{}), read(ranks.u[rank], halo(1)),
           write(ranks.v[rank]));
  });
  EXPECT_EQ(sim.plan(0).messages.size(), 0U);
}

TEST(Exchange, OneExchangeServesReadersOfTheSameVersion) {
  Ranks ranks(2);
  const Simulator sim = ranks.simulate([&](Recorder& r, std::uint32_t rank) {
    ranks.smooth(r, rank);  // reads u, then the names change places
    r.swap(ranks.u[rank], ranks.v[rank]);
    r.each(ranks.grids[rank], make_kernel("smooth", Smooth{}), read(ranks.v[rank], halo(1)),
           write(ranks.u[rank]));
    r.each(ranks.grids[rank], make_kernel("smooth", Smooth{}), read(ranks.u[rank], halo(1)),
           write(ranks.v[rank]));
    r.reduce(ranks.grids[rank], make_kernel("total", Total{}), sum(ranks.s[rank]), read(ranks.v[rank]));
  });
  EXPECT_EQ(sim.plan(0).copies_per_cycle(), 1U);
  EXPECT_EQ(count(sim.plan(0), NodeKind::send) - 1,
            2U);  // u once for the first and the third, v once; and the scalar
}

TEST(Analyse, ASweepHasNoEdgesBesideThoseOfItsNeighbours) {
  Ranks ranks(1, Boundary::fixed(0), {8, 2});
  const Simulator sim = ranks.simulate([&](Recorder& r, std::uint32_t rank) { ranks.smooth(r, rank); });
  // tiles form 4 x 2; each node waits for itself and its neighbours in the other copy
  const Plan& plan = sim.plan(0);
  std::vector<std::uint32_t> degrees(plan.in_degree.begin(), plan.in_degree.begin() + 8);
  EXPECT_EQ(degrees, (std::vector<std::uint32_t>{3, 3, 4, 4, 4, 4, 3, 3}));
}

TEST(Analyse, EveryEdgeCarriesOneToken) {
  for (const std::uint32_t n : {1U, 2U, 3U, 8U}) {
    Ranks ranks(n, Boundary::wrap());
    const Simulator sim = ranks.simulate([&](Recorder& r, std::uint32_t rank) {
      ranks.smooth(r, rank);
      r.reduce(ranks.grids[rank], make_kernel("total", Total{}), sum(ranks.s[rank]), read(ranks.u[rank]));
      r.stop_when([](double x) { return x > 1e300; }, read(ranks.s[rank]));
    });
    for (std::uint32_t r = 0; r < n; ++r) EXPECT_NO_THROW(check_single_token(sim.flow(r)));
  }
}

TEST(Analyse, AMissingEdgeIsNoticed) {
  Ranks ranks(1);
  const Simulator sim = ranks.simulate([&](Recorder& r, std::uint32_t rank) { ranks.smooth(r, rank); });
  Dataflow flow = sim.flow(0);
  for (Edge& e : flow.edges) e.distance = 1;  // then every cycle has distance 2
  EXPECT_THROW(check_single_token(flow), std::logic_error);
}

TEST(Lower, CountersOfEveryEntryAddUp) {
  Ranks ranks(2, Boundary::wrap());
  const Simulator sim = ranks.simulate([&](Recorder& r, std::uint32_t rank) { ranks.smooth(r, rank); });
  const Plan& plan = sim.plan(1);
  for (std::uint32_t copy = 0; copy < plan.copies_per_cycle(); ++copy) {
    std::vector<std::uint32_t> counters;
    plan.initial_counters(copy, Edges::all, counters);
    for (std::uint32_t n = 0; n < counters.size(); ++n) EXPECT_LE(counters[n], plan.in_degree[n]);
    EXPECT_NE(std::count(counters.begin(), counters.end(), 0U), 0);
  }
}

TEST(Lower, DotNamesOperationsAndMessages) {
  Ranks ranks(2);
  const Simulator sim = ranks.simulate([&](Recorder& r, std::uint32_t rank) { ranks.smooth(r, rank); });
  const std::string dot = sim.plan(0).to_dot();
  EXPECT_NE(dot.find("operation 'smooth' tile 0"), std::string::npos);
  EXPECT_NE(dot.find("send to rank 1 (tag 0"), std::string::npos);
  EXPECT_NE(dot.find("[style=dashed]"), std::string::npos);  // edges into the next cycle
}

TEST(Replay, MoreRanksThanTiles) {
  Ranks ranks(8, Boundary::fixed(0), {4, 4});  // 4 tiles
  Simulator sim = ranks.simulate([&](Recorder& r, std::uint32_t rank) {
    ranks.smooth(r, rank);
    r.reduce(ranks.grids[rank], make_kernel("total", Total{}), sum(ranks.s[rank]), read(ranks.u[rank]));
  });
  EXPECT_EQ(sim.run(5), 5);
  for (std::uint32_t r = 1; r < 8; ++r) EXPECT_EQ(ranks.s[r].get(), ranks.s[0].get());
}

}  // namespace
}  // namespace tutti::test
