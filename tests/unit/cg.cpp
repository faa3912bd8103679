// The solver and the preconditioners of cg against properties that are known: symmetry, convergence from an
// eigenvector, and the spectral test of HPCG.
#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include <gtest/gtest.h>

#include "miniapps/cg/preconditioner.hpp"
#include "miniapps/cg/solver.hpp"
#include "tests/graph/local_job.hpp"

namespace tutti::test {
namespace {

using kernels::GridNumbering;

Options two_threads() {
  Options options;
  options.threads = 2;
  return options;
}

/// A grid's system on one rank of a job, x and b still empty.
struct GridSystem {
  GridSystem(Runtime& rt, const Index3& extents, const Index3& edge,
             const std::function<double(std::int64_t)>& diagonal = {})
      : grid(extents, edge),
        rows(rt, grid.bounds()),
        system{kernels::hpcg_matrix(rt.transport(), rows, grid, diagonal), {}, {}, {rows, "x"}, {rows, "b"}} {
  }

  /// v at each point, by its coordinates.
  void fill(const Vector<double>& v, const std::function<double(const Index3&)>& value) const {
    const std::int64_t first = rows.layout().block(rows.context().rank).lo[2];
    for (const TileId t : rows.layout().tiles_of(rows.context().rank))
      grid.for_each_point(t, [&](const Index3& p, std::int64_t row) {
        v.block()[static_cast<std::size_t>(row - first)] = value(p);
      });
    Vector<double>(v).touch();
  }

  GridNumbering grid;
  Rows rows;
  LinearSystem system;
};

double random_at(const Index3& p, std::uint64_t seed) {
  std::mt19937_64 random(seed + static_cast<std::uint64_t>((p[0] * 1000 + p[1]) * 1000 + p[2]));
  return std::uniform_real_distribution<double>(-1, 1)(random);
}

// |x'My - y'Mx| relative to |x| |My| + |y| |Mx|
TEST(Preconditioners, AreSymmetric) {
  for (const char* kind : {"jacobi", "mg", "smoother"})
    run_local_job(2, two_threads(), [&](Runtime& rt) {
      const GridSystem s(rt, {16, 8, 24}, {5, 5, 5});
      const std::unique_ptr<Preconditioner> m =
          kind == std::string("jacobi") ? make_jacobi(s.system.a)
                                        : make_multigrid(rt, DiaMatrix<double>(s.system.a), s.grid, {5, 5, 5},
                                                         kind == std::string("mg") ? 4 : 1);
      const Vector<double> x(s.rows, "x"), y(s.rows, "y"), mx(s.rows, "mx"), my(s.rows, "my");
      const Scalar<double> xmx(rt, "xmx"), xmy(rt, "xmy"), ymx(rt, "ymx"), xx(rt, "xx"), mymy(rt, "mymy"),
          also(rt, "also");
      s.fill(x, [](const Index3& p) { return random_at(p, 1); });
      s.fill(y, [](const Index3& p) { return random_at(p, 2); });
      rt.run("apply", [&](Recorder& r) {
        m->apply(r, x, mx, &xmx);
        m->apply(r, y, my, nullptr);
        r.reduce(s.rows, kernels::dot(), sum(also), read(x), read(mx));
        r.reduce(s.rows, kernels::dot(), sum(xmy), read(x), read(my));
        r.reduce(s.rows, kernels::dot(), sum(ymx), read(y), read(mx));
        r.reduce(s.rows, kernels::norm2(), sum(xx), read(x));
        r.reduce(s.rows, kernels::norm2(), sum(mymy), read(my));
      });
      const double scale = std::sqrt(xx.get() * mymy.get());
      EXPECT_GT(scale, 0);
      EXPECT_LE(std::abs(xmy.get() - ymx.get()) / scale, 8 * std::numeric_limits<double>::epsilon()) << kind;
      EXPECT_EQ(xmx.get(), also.get()) << kind;
      EXPECT_GT(xmx.get(), 0) << kind;
    });
}

TEST(Cg, ConvergesAtOnceFromAnEigenvector) {
  run_local_job(2, two_threads(), [](Runtime& rt) {
    const GridSystem s(rt, {16, 16, 16}, {7, 7, 7});
    s.fill(s.system.b, [](const Index3& p) {
      double v = 1;
      for (const std::int64_t i : p) v *= std::sin(std::numbers::pi * static_cast<double>(i + 1) / 17);
      return v;
    });
    const auto solver = make_cg(rt, s.system, nullptr, 1e-13, 20);
    solver->start();
    EXPECT_EQ(solver->iteration().run(20), 1);
    const double lambda = 27 - std::pow(1 + 2 * std::cos(std::numbers::pi / 17), 3);
    EXPECT_NEAR(lambda, 0.909055156, 1e-9);
    for (std::size_t i = 0; i < s.system.x.block().size(); ++i)
      ASSERT_NEAR(s.system.x.block()[i], s.system.b.block()[i] / lambda, 1e-13);
  });
}

// As in the test of HPCG itself: a diagonal a million times larger, and more so at nine points, leaves ten
// clusters of eigenvalues.
TEST(Cg, PassesTheSpectralTest) {
  for (const bool preconditioned : {false, true})
    run_local_job(2, two_threads(), [&](Runtime& rt) {
      const auto diagonal = [](std::int64_t point) {
        return 26e6 * (point < 9 ? static_cast<double>(point + 2) : 1.0);
      };
      const GridSystem s(rt, {16, 16, 16}, {7, 7, 7}, diagonal);
      s.fill(s.system.x, [](const Index3&) { return 1.0; });
      rt.run("b", [&](Recorder& r) { s.system.record_product(r, s.system.x, s.system.b); });
      const auto mg = make_multigrid(rt, DiaMatrix<double>(s.system.a), s.grid, {7, 7, 7}, 4, diagonal);
      const auto solver = make_cg(rt, s.system, preconditioned ? mg.get() : nullptr, 1e-12, 50);
      solver->start();
      EXPECT_LE(solver->iteration().run(50), preconditioned ? 2 : 12);
      EXPECT_LE(solver->history().back(), 1e-12);
    });
}

// One tile per rank is the order of HPCG's reference; its residuals after 50 iterations are known.
TEST(Cg, ResidualAfterFiftyIterations) {
  const auto residual = [](std::int64_t n, std::int64_t edge) {
    double found = 0;
    run_local_job(1, two_threads(), [&](Runtime& rt) {
      const GridSystem s(rt, {n, n, n}, {edge, edge, edge});
      s.fill(s.system.x, [](const Index3&) { return 1.0; });
      rt.run("b", [&](Recorder& r) { s.system.record_product(r, s.system.x, s.system.b); });
      const auto mg = make_multigrid(rt, DiaMatrix<double>(s.system.a), s.grid, {edge, edge, edge}, 4);
      const auto solver = make_cg(rt, s.system, mg.get(), 0, 50);
      solver->start();
      solver->iteration().run(50);
      found = solver->history().back();
    });
    return found;
  };
  EXPECT_LT(residual(16, 16), 1e-30);
  // at this level rounding decides the digits, so only the exponent is compared
  EXPECT_NEAR(std::log10(residual(32, 32)), std::log10(1.0298e-20), 1.0);
}

TEST(Cg, PipelinedFindsTheSameSolution) {
  for (const char* kind : {"none", "mg"})
    run_local_job(2, two_threads(), [&](Runtime& rt) {
      const GridSystem s(rt, {16, 16, 16}, {7, 7, 7});
      s.fill(s.system.x, [](const Index3&) { return 1.0; });
      rt.run("b", [&](Recorder& r) { s.system.record_product(r, s.system.x, s.system.b); });
      const auto mg = make_multigrid(rt, DiaMatrix<double>(s.system.a), s.grid, {7, 7, 7}, 4);
      Preconditioner* m = kind == std::string("mg") ? mg.get() : nullptr;
      const auto plain = make_cg(rt, s.system, m, 1e-10, 100);
      plain->start();
      const std::int64_t iterations = plain->iteration().run(100);
      const auto pipelined = make_pipelined_cg(rt, s.system, m, 1e-10, 100);
      pipelined->start();
      EXPECT_LE(std::abs(pipelined->iteration().run(100) - iterations), 1) << kind;
      for (const double x : s.system.x.block()) ASSERT_NEAR(x, 1.0, 1e-8) << kind;
    });
}

}  // namespace
}  // namespace tutti::test
