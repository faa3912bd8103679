// Calls that do not fit are refused when they are recorded, with the operation, the argument and both types.
#include <gtest/gtest.h>

#include "runtime/data/grid.hpp"
#include "runtime/data/sparse_matrix.hpp"
#include "runtime/error.hpp"
#include "tests/graph/local_job.hpp"

namespace tutti::test {
namespace {

struct Copy {
  void operator()(In<double> from, Out<double> to) const { to(0, 0, 0) = from(0, 0, 0); }
};
struct Reach {
  void operator()(In<double, 1> from, Out<double> to) const { to(0, 0, 0) = from(0, 0, 0); }
};
struct First {
  double operator()(In<double> from) const { return from(0, 0, 0); }
};

class Misuse : public ::testing::Test {
 protected:
  // Records body on one rank and returns the message it is refused with.
  std::string message(const std::function<void(Recorder&)>& body) {
    Recorder r("step");
    try {
      body(r);
    } catch (const Error& e) {
      EXPECT_EQ(e.status(), Status::usage);
      return e.what();
    }
    return "not refused";
  }

  RankContext context{RankId{0}, 1, 1, nullptr};
  Grid grid{context, {4, 4}, {{2, 2}, {}, 1}};
  Grid other{context, {4, 5}, {{2, 2}, {}, 1}};
  Field<double> u{grid, "u"};
  Field<double> v{grid, "v"};
  Field<float> f{grid, "f"};
  Field<double> w{other, "w"};
  Scalar<double> s{context, "s"};
  Scalar<std::int64_t> n{context, "n"};
  Kernel copy = make_kernel("copy", Copy{});
  Kernel reach = make_kernel("reach", Reach{});
};

TEST_F(Misuse, WrongNumberOfArguments) {
  EXPECT_EQ(message([&](Recorder& r) { r.each(grid, copy, read(u)); }),
            "graph 'step', operation 'copy': the kernel takes 2 argument(s), but 1 were given");
}
TEST_F(Misuse, WrongType) {
  EXPECT_EQ(
      message([&](Recorder& r) { r.each(grid, copy, read(f), write(v)); }),
      "graph 'step', operation 'copy', argument 1: the kernel wants read float64, but got read float32 'f'");
}
TEST_F(Misuse, WrongMode) {
  EXPECT_EQ(message([&](Recorder& r) { r.each(grid, copy, read(u), update(v)); }),
            "graph 'step', operation 'copy', argument 2: the kernel wants write float64, but got update "
            "float64 'v'");
}
TEST_F(Misuse, HaloTooSmallForTheKernel) {
  EXPECT_EQ(message([&](Recorder& r) { r.each(grid, reach, read(u), write(v)); }),
            "graph 'step', operation 'reach', argument 1: the kernel wants read float64 halo(1), but got "
            "read float64 'u'");
}
TEST_F(Misuse, HaloTooLargeForTheGrid) {
  EXPECT_NE(message([&](Recorder& r) {
              r.each(grid, reach, read(u, halo(2)), write(v));
            }).find("exceeds the grid's halo of 1"),
            std::string::npos);
}
TEST_F(Misuse, ReadingAHaloOfWhatIsWritten) {
  struct InPlace {
    void operator()(In<double, 1>, InOut<double>) const {}
  };
  EXPECT_NE(message([&](Recorder& r) {
              r.each(grid, make_kernel("in_place", InPlace{}), read(u, halo(1)), update(u));
            }).find("written by the same operation"),
            std::string::npos);
}
TEST_F(Misuse, AnotherGrid) {
  EXPECT_NE(message([&](Recorder& r) {
              r.each(grid, copy, read(w), write(v));
            }).find("'w' lives on another grid or other rows"),
            std::string::npos);
}
TEST_F(Misuse, ScalarsAndFieldsMixedUp) {
  EXPECT_NE(message([&](Recorder& r) {
              r.each(grid, copy, read(s), write(v));
            }).find("but got read float64 scalar 's'"),
            std::string::npos);
  EXPECT_NE(message([&](Recorder& r) {
              r.compute([](double x) { return x; }, read(u), write(s));
            }).find("argument 1"),
            std::string::npos);
}
TEST_F(Misuse, Reductions) {
  const Kernel first = make_kernel("first", First{});
  EXPECT_EQ(message([&](Recorder& r) { r.reduce(grid, first, sum(n), read(u)); }),
            "graph 'step', operation 'first': the kernel returns float64, but 'n' is int64");
  EXPECT_EQ(message([&](Recorder& r) {
              r.reduce(grid, copy, sum(s), read(u), write(v));
            }).find("graph 'step', operation 'copy'"),
            0U);
  EXPECT_EQ(message([&](Recorder& r) { r.each(grid, first, read(u)); }),
            "graph 'step', operation 'first': the kernel returns float64; use reduce");
}
TEST_F(Misuse, ComputeAndStop) {
  EXPECT_NE(message([&](Recorder& r) { r.compute([](double x) { return x; }, read(s)); }).find("write(s)"),
            std::string::npos);
  EXPECT_NE(message([&](Recorder& r) {
              r.compute([](double x) { return x; }, read(s), write(n));
            }).find("returns float64, but 'n' is int64"),
            std::string::npos);
  EXPECT_NE(message([&](Recorder& r) { r.stop_when([](double x) { return x; }, read(s)); }).find("not bool"),
            std::string::npos);
  EXPECT_NE(message([&](Recorder& r) {
              r.stop_when(
                  lag(-1), [](double x) { return x > 0; }, read(s));
            }).find("negative"),
            std::string::npos);
}
TEST_F(Misuse, SwapOfUnlikeNames) {
  EXPECT_EQ(message([&](Recorder& r) { r.swap(u, w); }),
            "graph 'step': swap of 'u' and 'w', which differ in type or grid");
}

// -- matrices

struct Multiply {
  void operator()(CsrTile<double>, Columns<double>, Out<double>) const {}
};

TEST(MisuseOfMatrices, Columns) {
  const auto transport = make_local_transports(1)[0];
  const RankContext context{RankId{0}, 1, 1, nullptr};
  const Rows rows(context, 6, 2), columns(context, 4, 2);
  const Vector<double> x(columns, "x"), y(rows, "y"), z(rows, "z");
  const auto matrix = [&](const Rows& to, const Rows& from, const std::string& label) {
    MatrixAssembly<double> assembly(*transport, to, from, label);
    assembly.add(1, 1, 2.0);
    return assembly.finish();
  };
  const SparseMatrix<double> a = matrix(rows, columns, "a"), b = matrix(rows, columns, "b"),
                             square = matrix(rows, rows, "square");
  const Kernel multiply = make_kernel("multiply", Multiply{});
  const auto message = [](const std::function<void(Recorder&)>& body) -> std::string {
    Recorder r("step");
    try {
      body(r);
    } catch (const Error& e) {
      return e.what();
    }
    return "not refused";
  };
  EXPECT_EQ(
      message([&](Recorder& r) { r.each(rows, multiply, read(a), read(x, tutti::columns(a)), write(y)); }),
      "not refused");
  EXPECT_EQ(
      message([&](Recorder& r) { r.each(rows, multiply, read(a), read(x), write(y)); }),
      "graph 'step', operation 'multiply', argument 2: the kernel wants read float64 columns(matrix), but "
      "got read float64 'x'");
  EXPECT_EQ(
      message([&](Recorder& r) { r.each(rows, multiply, read(b), read(x, tutti::columns(a)), write(y)); }),
      "graph 'step', operation 'multiply', argument 2: 'x' is read through the columns of a matrix that "
      "is not among the arguments");
  EXPECT_EQ(
      message([&](Recorder& r) { r.each(rows, multiply, read(a), read(y, tutti::columns(a)), write(z)); }),
      "graph 'step', operation 'multiply', argument 2: 'y' does not live on the columns of the matrix");
  EXPECT_EQ(message([&](Recorder& r) {
              r.each(columns, multiply, read(a), read(x, tutti::columns(a)), write(x));
            }).find("lives on another grid or other rows") != std::string::npos,
            true);
  EXPECT_EQ(message([&](Recorder& r) {
              r.each(rows, multiply, read(square), read(y, tutti::columns(square)), write(y));
            }),
            "graph 'step', operation 'multiply': 'y' is read through columns(matrix) and written by the same "
            "operation; write to another one and swap");
  EXPECT_EQ(message([&](Recorder& r) { r.swap(a, b); }),
            "graph 'step': swap of 'a' and 'b': matrices keep their names");
}

// -- what only shows when ranks meet
// ---------------------------------------------------------------------------

std::string message_of_job(std::uint32_t ranks, const std::function<void(Runtime&)>& body,
                           Options options = {}) {
  options.threads = 1;
  try {
    run_local_job(ranks, options, body);
  } catch (const Error& e) {
    return e.what();
  }
  return "not refused";
}

TEST(MisuseOfRanks, RecordingThatDiffers) {
  EXPECT_EQ(
      message_of_job(2,
                     [](Runtime& rt) {
                       Grid g(rt, {8}, {{2}, {}, 1});
                       Field<double> a(g, "a");
                       Field<double> b(g, "b");
                       rt.record("step", [&](Recorder& r) {
                         r.each(g, make_kernel("copy", Copy{}), read(a), write(b));
                         if (rt.rank().value == 1) r.swap(a, b);
                       });
                     }),
      "graph 'step': the ranks recorded different operations; what is recorded must not depend on the rank");
}

TEST(MisuseOfRanks, ATileThatNoOneOwns) {
  struct Gather {
    void operator()(Inputs<double>, Out<double>) const {}
  };
  EXPECT_NE(message_of_job(2,
                           [](Runtime& rt) {
                             Grid g(rt, {8}, {{2}, {}, 1});
                             Field<double> a(g, "a");
                             Field<double> b(g, "b");
                             rt.record("step", [&](Recorder& r) {
                               r.each(g, make_kernel("gather", Gather{}),
                                      read(a, tiles([](TileId t) {
                                             return std::vector<TileId>{TileId{t.value + 1000}};
                                           })),
                                      write(b));
                             });
                           })
                .find("names tile 100"),
            std::string::npos);
}

TEST(MisuseOfRanks, AnExceptionInAKernelNamesItsPlace) {
  struct Thrower {
    void operator()(const Task& task, InOut<double>) const {
      if (task.tile == TileId{2} && task.step == 3) throw std::runtime_error("the sky is falling");
    }
  };
  for (const Schedule schedule : {Schedule::tasks, Schedule::bulk}) {
    Options options;
    options.schedule = schedule;
    EXPECT_EQ(message_of_job(
                  1,
                  [](Runtime& rt) {
                    Grid g(rt, {8}, {{2}, {}, 1});
                    Field<double> a(g, "a");
                    Graph graph = rt.record("step", [&](Recorder& r) {
                      r.each(g, make_kernel("thrower", Thrower{}), update(a));
                    });
                    EXPECT_THROW(graph.run(-1), Error);
                    EXPECT_EQ(graph.run(3), 3);
                    graph.run(10);
                  },
                  options),
              "operation 'thrower' tile 2 at step 3 of graph 'step': the sky is falling");
  }
}

TEST(MisuseOfRanks, NamesLeftSwappedByAnotherGraph) {
  EXPECT_NE(message_of_job(1,
                           [](Runtime& rt) {
                             Grid g(rt, {8}, {{2}, {}, 1});
                             Field<double> a(g, "a");
                             Field<double> b(g, "b");
                             Field<double> c(g, "c");
                             Graph pair = rt.record("pair", [&](Recorder& r) { r.swap(a, b); });
                             Graph outside = rt.record("outside", [&](Recorder& r) { r.swap(b, c); });
                             EXPECT_EQ(pair.run(3), 3);
                             outside.run(1);
                             pair.run(1);
                           })
                .find("swap them back first"),
            std::string::npos);
}

}  // namespace
}  // namespace tutti::test
