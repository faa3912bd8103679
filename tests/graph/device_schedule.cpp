// What stages a rank on a device gets, where copies stand in them, and that replay makes exactly those.
#include "runtime/graph/device_schedule.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "runtime/device/simulated.hpp"
#include "runtime/error.hpp"
#include "runtime/exec/device_stages.hpp"
#include "tests/graph/local_job.hpp"
#include "tests/graph/simulator.hpp"

namespace tutti::test {
namespace {

struct Smooth {
  void operator()(In<double, 1> u, Out<double> v) const {
    for (std::int64_t j = 0; j < u.extent(1); ++j)
      for (std::int64_t k = 0; k < u.extent(2); ++k)
        v(0, j, k) = 0.25 * (u(0, j, k - 1) + u(0, j, k + 1) + u(0, j - 1, k) + u(0, j + 1, k));
  }
};
struct Scale {
  void operator()(double by, InOut<double> u) const {
    for (std::int64_t j = 0; j < u.extent(1); ++j)
      for (std::int64_t k = 0; k < u.extent(2); ++k) u(0, j, k) *= by;
  }
};
struct Half {
  double operator()(double t) const { return t / 2; }
};
struct Below {
  double limit;
  bool operator()(double t) const { return t < limit; }
};
struct Total {
  double operator()(In<double> u) const {
    double sum = 0;
    for (std::int64_t j = 0; j < u.extent(1); ++j)
      for (std::int64_t k = 0; k < u.extent(2); ++k) sum += u(0, j, k);
    return sum;
  }
};

/// Two fields and two scalars on 16 x 8 cells in tiles of 2 x 4.
struct Data {
  explicit Data(const RankContext& context)
      : grid(context, {16, 8}, GridOptions{{2, 4}, Boundary::fixed(1), 1}),
        u(grid, "u"),
        v(grid, "v"),
        s(context, "s"),
        t(context, "t", 0.5) {}
  void smooth(Recorder& r) const {
    r.each(grid, make_kernel("smooth", Smooth{}), read(u, halo(1)), write(v));
    r.swap(u, v);
  }
  void total(Recorder& r) const { r.reduce(grid, make_kernel("total", Total{}), sum(s), read(u)); }
  void halve(Recorder& r) const { r.compute(make_kernel("half", Half{}), read(t), write(t)); }
  void stop_below(Recorder& r, double limit) const {
    r.stop_when(make_kernel("below", Below{limit}), read(t));
  }
  void scale(Recorder& r) const { r.each(grid, make_kernel("scale", Scale{}), read(t), update(u)); }

  Grid grid;
  Field<double> u, v;
  Scalar<double> s, t;
};

using Body = std::function<void(const Data&, Recorder&)>;
using Kind = DeviceAction::Kind;

/// The schedule of each of n ranks.
std::vector<DeviceSchedule> schedules(
    std::uint32_t ranks, const Body& body,
    const std::function<bool(const Kernel&)>& has_body = [](const Kernel&) { return true; },
    bool has_loops = true) {
  std::vector<RankContext> contexts;
  std::vector<Data> data;
  std::vector<Record> records;
  for (std::uint32_t r = 0; r < ranks; ++r) {
    contexts.push_back({RankId{r}, ranks, 1, nullptr});
    data.emplace_back(contexts.back());
    Recorder recorder("graph");
    body(data.back(), recorder);
    records.push_back({"graph", {recorder.take()}});
  }
  const Simulator simulator(std::move(records), contexts, 1);
  std::vector<DeviceSchedule> all;
  for (std::uint32_t r = 0; r < ranks; ++r) {
    all.push_back(schedule_for_device(
        *simulator.plan(r).program, simulator.flow(r),
        [&](const Kernel& k) { return k.functor_type != nullptr && has_body(k); }, has_loops));
    check_single_token(all.back().flow);
  }
  return all;
}

std::size_t count(const DeviceSchedule& s, Kind kind) {
  std::size_t n = 0;
  for (const Stage& stage : s.stages)
    n += static_cast<std::size_t>(std::count_if(stage.actions.begin(), stage.actions.end(),
                                                [&](const DeviceAction& a) { return a.kind == kind; }));
  return n;
}
std::string kinds(const DeviceSchedule& s) {
  static constexpr const char* names[] = {"launch", "upload", "download", "pack",
                                          "unpack", "copy",   "partials", "combine"};
  std::string text;
  for (const Stage& stage : s.stages) {
    if (!text.empty()) text += " | ";
    if (stage.kind == Stage::Kind::perform) text += "perform";
    if (stage.kind == Stage::Kind::start) text += "start";
    for (const DeviceAction& a : stage.actions) {
      if (&a != stage.actions.data()) text += ' ';
      text += names[static_cast<std::size_t>(a.kind)];
    }
  }
  return text;
}

TEST(DeviceSchedule, OneRankNeedsNothingButLaunches) {
  const auto all = schedules(1, [](const Data& d, Recorder& r) { d.smooth(r); });
  EXPECT_EQ(kinds(all[0]), "launch | launch");  // one for each of the two steps of a cycle
  EXPECT_TRUE(all[0].device_alone());
  EXPECT_EQ(all[0].needed[0], (std::vector<Sides>{on_device, 0}));
  EXPECT_EQ(all[0].needed[1], (std::vector<Sides>{0, on_device}));
}

TEST(DeviceSchedule, TilesThatNeedNoMessageGoFirst) {
  const auto all = schedules(2, [](const Data& d, Recorder& r) { d.smooth(r); });
  EXPECT_EQ(kinds(all[0]),
            "pack | start | launch | unpack launch | start | pack | start | launch | unpack launch | start");
  EXPECT_FALSE(all[0].device_alone());
  EXPECT_EQ(all[0].stages[2].actions[0].nodes.size(), 6u);  // three rows of two tiles have no neighbour rank
  EXPECT_EQ(all[0].stages[3].actions[1].nodes.size(), 2u);
  EXPECT_TRUE(all[0].stages[2].awaits.empty());
  EXPECT_EQ(all[0].stages[3].awaits.size(), 1u);
}

TEST(DeviceSchedule, SumsOfTilesAreOfTheDeviceThatHasAll) {
  const Body total = [](const Data& d, Recorder& r) { d.total(r); };
  EXPECT_EQ(kinds(schedules(1, total)[0]), "launch combine");
  EXPECT_EQ(kinds(schedules(2, total)[0]), "launch partials | perform | perform | perform");
  const auto no_combine = [](const Kernel& k) { return k.name != "combine"; };
  EXPECT_EQ(kinds(schedules(1, total, no_combine)[0]), "launch partials | perform");
}

TEST(DeviceSchedule, ScalarsAreComputedWhereTheyAre) {
  const Body body = [](const Data& d, Recorder& r) {
    d.total(r);
    r.compute(make_kernel("half", Half{}), read(d.s), write(d.t));
    d.scale(r);
  };
  const auto alone = schedules(1, body);
  EXPECT_EQ(kinds(alone[0]), "launch combine launch launch");
  EXPECT_TRUE(alone[0].device_alone());
  EXPECT_FALSE(alone[0].decides);
  // the sum over ranks is formed on hosts, so they halve it, too
  EXPECT_EQ(kinds(schedules(2, body)[0]),
            "launch partials | perform | perform | perform | perform | upload launch");

  const auto function = schedules(1, [](const Data& d, Recorder& r) {
    d.total(r);
    r.compute([](double s) { return s / 2; }, read(d.s), write(d.t));
    d.scale(r);
  });
  EXPECT_EQ(kinds(function[0]), "launch combine download | perform | upload launch");
  const auto in_place = schedules(1, [](const Data& d, Recorder& r) {
    d.total(r);
    r.compute([](double s) { return s / 2; }, read(d.s), write(d.s));
  });
  EXPECT_EQ(kinds(in_place[0]), "launch combine download | perform");
}

TEST(DeviceSchedule, TheDeviceDecidesWhereTheCycleIsItsOwn) {
  const auto all = [](const Kernel&) { return true; };
  const Body body = [](const Data& d, Recorder& r) {
    d.smooth(r);
    d.halve(r);
    d.stop_below(r, 0.1);
  };
  const auto loop = schedules(1, body);
  EXPECT_EQ(kinds(loop[0]), "launch launch launch | launch launch launch");
  EXPECT_TRUE(loop[0].decides);
  EXPECT_EQ(kinds(schedules(1, body, all, false)[0]),
            "launch launch download | perform | launch launch download | perform");

  const auto with_host = schedules(1, [&](const Data& d, Recorder& r) {
    body(d, r);
    r.compute([](double t) { return t; }, read(d.t), write(d.s));
  });
  EXPECT_FALSE(with_host[0].decides);
  EXPECT_FALSE(schedules(2, body)[0].decides);  // messages are the host's
}

TEST(DeviceSchedule, ScalarsBecomeTheHostsOneAfterTheOther) {
  // each cycle passes what the host computes on to one more scalar; tiles need the last of them
  const auto all = schedules(1, [](const Data& d, Recorder& r) {
    std::vector<Scalar<double>> chain;
    for (int i = 0; i < 20; ++i) chain.emplace_back(RankContext{}, "link");
    r.compute(make_kernel("half", Half{}), read(chain.back()), write(d.t));
    for (std::size_t i = chain.size() - 1; i > 0; --i)
      r.compute(make_kernel("half", Half{}), read(chain[i - 1]), write(chain[i]));
    r.compute([](double s) { return s + 1; }, read(d.s), write(chain[0]));
    d.scale(r);
  });
  EXPECT_EQ(count(all[0], Kind::launch), 1u);
  EXPECT_EQ(count(all[0], Kind::upload), 1u);
  EXPECT_EQ(count(all[0], Kind::download), 0u);
}

TEST(DeviceSchedule, ScalarsAreCopiedWhenTheyChange) {
  const auto constant = schedules(1, [](const Data& d, Recorder& r) {
    d.scale(r);
    d.scale(r);
  });
  EXPECT_EQ(kinds(constant[0]), "launch launch");  // never inside the cycle
  EXPECT_EQ(constant[0].needed[0][0] | constant[0].needed[0][1], on_device);

  const auto changing = schedules(1, [](const Data& d, Recorder& r) {
    r.compute([](double t) { return t / 2; }, read(d.t), write(d.t));
    d.scale(r);
    d.scale(r);
  });
  EXPECT_EQ(kinds(changing[0]), "perform | upload launch launch");
}

TEST(DeviceSchedule, KernelsOfTheHostGetCopiesWhereValuesAreStale) {
  const auto no_scale = [](const Kernel& k) { return k.name != "scale"; };
  const auto all = schedules(
      1,
      [](const Data& d, Recorder& r) {
        d.total(r);
        d.scale(r);  // on the host
        d.total(r);
        d.total(r);
      },
      no_scale);
  // the third total leaves u valid on both sides, so the next cycle needs no copy back
  EXPECT_EQ(kinds(all[0]), "launch combine | perform | upload launch combine launch combine");
  EXPECT_EQ(count(all[0], Kind::upload), 1u);
  EXPECT_EQ(count(all[0], Kind::download), 0u);

  const auto reader = schedules(
      1,
      [](const Data& d, Recorder& r) {
        d.scale(r);
        d.total(r);  // on the host
        d.total(r);
      },
      [](const Kernel& k) { return k.name == "scale"; });
  EXPECT_EQ(kinds(reader[0]), "launch download | perform | perform | perform | perform");
}

TEST(DeviceSchedule, HostsThatHaveEverythingSendWithoutTheDevice) {
  const auto all = schedules(
      2, [](const Data& d, Recorder& r) { d.smooth(r); }, [](const Kernel&) { return false; });
  for (const DeviceSchedule& s : all) {
    EXPECT_EQ(count(s, Kind::pack) + count(s, Kind::unpack) + count(s, Kind::upload), 0u);
    EXPECT_EQ(std::count(s.message_on_device.begin(), s.message_on_device.end(), true), 0);
  }
}

TEST(DeviceStages, PutTilesTogether) {
  std::vector<Box> tiles;
  for (std::int64_t i = 0; i < 3; ++i)
    for (std::int64_t j = 0; j < 4; ++j)
      for (std::int64_t k = 0; k < 2; ++k)
        tiles.push_back({{i * 4, j * 5, k * 8}, {i * 4 + 4, j * 5 + 5, k * 8 + 8}});
  EXPECT_EQ(merged(tiles), (std::vector<Box>{{{0, 0, 0}, {12, 20, 16}}}));
  tiles.erase(tiles.begin());  // a corner is missing
  std::int64_t cells = 0;
  const auto parts = merged(tiles);
  for (const Box& b : parts) cells += b.size();
  EXPECT_EQ(cells, 12 * 20 * 16 - 4 * 5 * 8);
  EXPECT_LE(parts.size(), 4u);
}

// -- what replay really does

DeviceCounts operator-(DeviceCounts a, const DeviceCounts& b) {
  a.to_device.count -= b.to_device.count;
  a.to_device.bytes -= b.to_device.bytes;
  a.to_host.count -= b.to_host.count;
  a.to_host.bytes -= b.to_host.bytes;
  a.on_device.count -= b.on_device.count;
  a.launches -= b.launches;
  a.graph_launches -= b.graph_launches;
  return a;
}

Options simulated() {
  Options options;
  options.device = "simulated";
  options.threads = 1;
  return options;
}

TEST(DeviceReplay, CopiesFieldsOnceAndThenOnlyWhatIsStale) {
  run_local_job(1, simulated(), [](Runtime& rt) {
    const Data d(rt);
    Graph graph = rt.record("smooth", [&](Recorder& r) { d.smooth(r); });
    graph.run(1);
    // both fields, with their boundary, and the first step numbers of two stages
    const std::uint64_t bytes = d.u.name()->store->memories()[0]->size_bytes();
    EXPECT_EQ(rt.device()->counts().to_device.count, 4u);
    EXPECT_EQ(rt.device()->counts().to_device.bytes, 2 * bytes + 16);

    DeviceCounts before = rt.device()->counts();
    graph.run(101);
    DeviceCounts done = rt.device()->counts() - before;
    EXPECT_EQ(done.to_device.count + done.to_host.count, 0u);
    EXPECT_EQ(done.launches, 101u);
    EXPECT_EQ(done.graph_launches, 6u);  // of 16 steps each, and 5 steps apart

    static_cast<void>(d.u.block());  // the host looks at one of them
    done = rt.device()->counts() - before;
    EXPECT_EQ(done.to_host.count, 1u);
    EXPECT_EQ(done.to_host.bytes, bytes);
    EXPECT_EQ(done.to_device.count, 0u);
    before = rt.device()->counts();
    graph.run(2);  // it may have changed it
    done = rt.device()->counts() - before;
    EXPECT_EQ(done.to_device.count, 1u);
    EXPECT_EQ(done.to_device.bytes, bytes);
  });
}

TEST(DeviceReplay, SendsHalosAndNothingElse) {
  run_local_job(2, simulated(), [](Runtime& rt) {
    const Data d(rt);
    Graph graph = rt.record("smooth", [&](Recorder& r) { d.smooth(r); });
    graph.run(4);
    const DeviceCounts before = rt.device()->counts();
    graph.run(100);
    const DeviceCounts done = rt.device()->counts() - before;
    EXPECT_EQ(done.to_host.count, 100u);
    EXPECT_EQ(done.to_device.count, 100u);
    EXPECT_EQ(done.to_host.bytes, 100 * 8 * sizeof(double));  // one row of cells
    EXPECT_EQ(done.to_device.bytes, done.to_host.bytes);
    EXPECT_EQ(done.launches, 200u);  // tiles inside, and those at the border
  });
}

TEST(DeviceReplay, RanksGoRoundTheDevicesAndShareThem) {
  SimulatedOptions::defaults().devices = 2;
  const std::uint64_t whole = SimulatedOptions::defaults().capacity_bytes;
  run_local_job(3, simulated(), [&](Runtime& rt) {
    EXPECT_EQ(rt.device()->name(), rt.rank().value == 1 ? "simulated (device 1 of 2)"  // by itself
                                                        : "simulated (device 0 of 2)");
    EXPECT_EQ(rt.device()->memory().capacity_bytes, rt.rank().value == 1 ? whole : whole / 2);
    const Data d(rt);
    Graph graph = rt.record("smooth", [&](Recorder& r) { d.smooth(r); });
    EXPECT_EQ(graph.run(9), 9);
  });
  SimulatedOptions::defaults() = {};
}

TEST(DeviceReplay, SendsFromDeviceMemoryWhereTheTransportCan) {
  SimulatedOptions::defaults().host_view = HostView::aware;
  for (const std::uint32_t per_node : {0U, 2U})  // shared windows are not for device memory
    run_local_job(
        2, simulated(),
        [](Runtime& rt) {
          EXPECT_EQ(rt.device_messages(), "device memory");
          const Data d(rt);
          Graph graph = rt.record("smooth", [&](Recorder& r) { d.smooth(r); });
          graph.run(4);
          const DeviceCounts before = rt.device()->counts();
          graph.run(100);
          const DeviceCounts done = rt.device()->counts() - before;
          EXPECT_EQ(done.to_host.count + done.to_device.count, 0u);
          EXPECT_EQ(done.on_device.count, 400u);  // the cells of two tiles packed, and two unpacked
          EXPECT_EQ(done.launches, 200u);
        },
        per_node);
  SimulatedOptions::defaults() = {};
}

TEST(DeviceReplay, CopiesScalarsOfTheHost) {
  run_local_job(1, simulated(), [](Runtime& rt) {
    const Data d(rt);
    Graph graph = rt.record("sums", [&](Recorder& r) {
      d.total(r);
      r.compute([](double s) { return s == 0 ? 1.0 : 0.5; }, read(d.s), write(d.t));
      d.scale(r);
    });
    graph.run(1);
    const DeviceCounts before = rt.device()->counts();
    graph.run(10);
    const DeviceCounts done = rt.device()->counts() - before;
    EXPECT_EQ(done.to_host.count, 10u);
    EXPECT_EQ(done.to_host.bytes, 10 * sizeof(double));
    EXPECT_EQ(done.to_device.count, 10u);
    EXPECT_EQ(done.to_device.bytes, 10 * sizeof(double));
  });
}

TEST(DeviceReplay, CopiesPartialResultsWhereThereAreMoreRanks) {
  run_local_job(2, simulated(), [](Runtime& rt) {
    const Data d(rt);
    Graph graph = rt.record("sums", [&](Recorder& r) { d.total(r); });
    graph.run(1);
    const DeviceCounts before = rt.device()->counts();
    graph.run(10);
    const DeviceCounts done = rt.device()->counts() - before;
    EXPECT_EQ(done.to_host.count, 10u);
    EXPECT_EQ(done.to_host.bytes, 10 * 8 * sizeof(double));  // a value for each of 8 tiles
    EXPECT_EQ(done.to_device.count, 0u);
  });
}

TEST(DeviceReplay, LoopsOnTheDevice) {
  for (const bool loops : {true, false}) {
    SimulatedOptions::defaults().has_loops = loops;
    run_local_job(1, simulated(), [&](Runtime& rt) {
      Data d(rt);
      const auto record = [&](Recorder& r) {
        d.smooth(r);
        d.halve(r);
        d.stop_below(r, 0.5e-60);  // after 200 steps from 0.5
      };
      Graph graph = rt.record("loop", record);
      EXPECT_EQ(graph.run(1), 1);
      EXPECT_EQ(graph.run(200), 199);
      EXPECT_EQ(d.t.get(), std::ldexp(1, -201));
      d.t.set(std::ldexp(1, -100));
      const DeviceCounts before = rt.device()->counts();
      EXPECT_EQ(graph.run(1000), 101);
      const DeviceCounts done = rt.device()->counts() - before;
      EXPECT_EQ(d.t.get(), std::ldexp(1, -201));
      if (!loops) {
        EXPECT_EQ(done.to_host.count, 101u);  // t, for the host to decide
        return;
      }
      EXPECT_EQ(done.to_device.count, 2u);      // t, and where the loop starts
      EXPECT_EQ(done.to_host.count, 3u);        // how far it is, of each launch
      EXPECT_EQ(done.graph_launches, 3u);       // of 64 steps, the third one for nothing
      EXPECT_EQ(done.launches, 101u * 4 + 3u);  // a step has three kernels and its end
      // fixed steps are not held up
      EXPECT_EQ(graph.run(0), 0);
      d.t.set(1e300);
      EXPECT_EQ(graph.run(63), 63);
      EXPECT_EQ(graph.run(65), 65);
      EXPECT_EQ(graph.steps_done(), 200 + 101 + 63 + 65);
    });
  }
  SimulatedOptions::defaults() = {};
}

TEST(DeviceReplay, SaysWhichKernelFailed) {
  struct Fails {
    void operator()(Out<double>) const { usage_error("it must not be negative"); }
  };
  try {
    run_local_job(1, simulated(), [](Runtime& rt) {
      const Data d(rt);
      rt.run("start", [&](Recorder& r) { r.each(d.grid, make_kernel("fails", Fails{}), write(d.u)); });
    });
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "operation 'fails' on the device at step 0: it must not be negative");
    EXPECT_EQ(e.status(), Status::usage);
  }
}

}  // namespace
}  // namespace tutti::test
