// Sparse kernels and vector operations against their plain references, on 1 to 3 ranks at once; the operator
// of HPCG against what is known of it.
#include "kernels/sparse.hpp"

#include <cmath>
#include <mutex>
#include <numbers>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/sparse/reference.hpp"
#include "tests/graph/local_job.hpp"

namespace tutti::test {
namespace {

using kernels::GridNumbering;
using Values = std::vector<double>;

/// A symmetric, diagonally dominant matrix with rows of very different lengths.
kernels::reference::Matrix random_matrix(std::int64_t rows, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> value(-1, 1);
  kernels::reference::Matrix m{rows, {}};
  Values sums(static_cast<std::size_t>(rows), 1.0);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < i; ++j) {
      if (random() % 16 >= (i % 7 == 0 ? 9 : 2)) continue;
      const double v = value(random);
      m.entries.push_back({i, j, v});
      m.entries.push_back({j, i, v});
      sums[static_cast<std::size_t>(i)] += std::abs(v);
      sums[static_cast<std::size_t>(j)] += std::abs(v);
    }
  for (std::int64_t i = 0; i < rows; ++i) m.entries.push_back({i, i, sums[static_cast<std::size_t>(i)]});
  return m;
}

Values random_values(std::int64_t n, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> value(-1, 1);
  Values v(static_cast<std::size_t>(n));
  for (double& x : v) x = value(random);
  return v;
}

/// A vector with the given global values, and back.
Vector<double> distribute(const Rows& rows, const std::string& label, const Values& values) {
  Vector<double> v(rows, label);
  auto at = static_cast<std::size_t>(rows.layout().block(rows.context().rank).lo[2]);
  for (double& x : v.block()) x = values[at++];
  return v;
}
class Collected {
 public:
  explicit Collected(std::int64_t n) : values_(static_cast<std::size_t>(n)) {}
  void add(const Vector<double>& v) {
    const std::lock_guard lock(mutex_);
    auto at = static_cast<std::size_t>(v.rows().layout().block(v.rows().context().rank).lo[2]);
    for (const double x : v.block()) values_[at++] = x;
  }
  const Values& values() const { return values_; }

 private:
  std::mutex mutex_;
  Values values_;
};

void expect_near(const Values& a, const Values& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance) << "row " << i;
}

/// Whatever kernels read of x, on the host and on devices: less than a slice outside of the tile's columns,
/// and of its own columns in sweeps. There they have zeros.
void expect_padding_near(const DiaTile<double>& t) {
  constexpr auto lanes = static_cast<std::int64_t>(DiaTile<double>::lanes);
  for (const auto* part : {&t.lower, &t.upper, &t.outside})
    for (std::uint32_t g = 0; g < part->first[t.slices]; ++g) {
      const std::int64_t columns = part == &t.outside ? t.columns : t.rows;
      EXPECT_GT(part->column[g], -lanes);
      EXPECT_LT(part->column[g], columns);  // of lane 0; the last is lanes - 1 further
    }
}

/// The results of all kernels on a matrix, by name.
std::map<std::string, Values> results(const kernels::reference::Matrix& m,
                                      const std::vector<std::int64_t>& bounds, std::uint32_t ranks) {
  const Values x = random_values(m.rows, 1), r = random_values(m.rows, 2);
  std::map<std::string, std::unique_ptr<Collected>> collected;
  for (const char* name : {"spmv", "sell", "dia", "product", "residual", "jacobi", "zero", "gauss_seidel"})
    collected[name] = std::make_unique<Collected>(m.rows);
  std::map<std::string, Values> out;
  Options options;
  options.threads = 2;
  run_local_job(ranks, options, [&](Runtime& rt) {
    const Rows rows(rt, bounds);
    MatrixAssembly<double> assembly(rt.transport(), rows, rows, "A");
    for (std::size_t e = rt.rank().index(); e < m.entries.size(); e += ranks)
      assembly.add(m.entries[e].row, m.entries[e].column, m.entries[e].value);
    const SparseMatrix<double> a = assembly.finish();
    const SellMatrix<double> sell(a);
    const DiaMatrix<double> dia(a);
    for (const TileId tile : rows.layout().tiles_of(rt.rank())) expect_padding_near(dia.tile(tile));
    const Vector<double> vx = distribute(rows, "x", x), vr = distribute(rows, "r", r);
    std::map<std::string, Vector<double>> y;
    for (const auto& [name, c] : collected) y.emplace(name, Vector<double>(rows, name));
    std::map<std::string, Scalar<double>> dots;
    for (const char* name :
         {"spmv_dot", "spmv_dot_sell", "spmv_dot_dia", "jacobi_dot", "zero_dot", "gauss_seidel_dot"})
      dots.emplace(name, Scalar<double>(rt, name));
    const Vector<double> again(rows, "again");
    const double n = kernels::entries_per_row(a);
    rt.run("kernels", [&](Recorder& rec) {
      const auto from_x = columns(a);
      rec.each(rows, kernels::spmv(n), read(a), read(vx, from_x), write(y.at("spmv")));
      rec.each(rows, kernels::spmv_sell(n), read(sell), read(vx, from_x), write(y.at("sell")));
      rec.each(rows, kernels::spmv_dia(n), read(dia), read(vx, from_x), write(y.at("dia")));
      rec.reduce(rows, kernels::spmv_dot_dia(n), sum(dots.at("spmv_dot_dia")), read(dia), read(vx, from_x),
                 write(again));
      rec.reduce(rows, kernels::spmv_dot(n), sum(dots.at("spmv_dot")), read(a), read(vx, from_x),
                 write(y.at("product")));
      rec.reduce(rows, kernels::spmv_dot_sell(n), sum(dots.at("spmv_dot_sell")), read(sell), read(vx, from_x),
                 write(again));
      rec.each(rows, kernels::residual(n), read(a), read(vx, from_x), read(vr), write(y.at("residual")));
      rec.each(rows, kernels::jacobi(), read(a), read(vr), write(y.at("jacobi")));
      rec.reduce(rows, kernels::jacobi_dot(), sum(dots.at("jacobi_dot")), read(a), read(vr), write(again));
      rec.each(rows, kernels::gauss_seidel_zero(n), read(dia), read(vr), write(y.at("zero")));
      rec.reduce(rows, kernels::gauss_seidel_zero_dot(n), sum(dots.at("zero_dot")), read(dia), read(vr),
                 write(again));
      rec.each(rows, kernels::gauss_seidel(n), read(dia), read(vx, from_x), read(vr),
               write(y.at("gauss_seidel")));
      rec.reduce(rows, kernels::gauss_seidel_dot(n), sum(dots.at("gauss_seidel_dot")), read(dia),
                 read(vx, from_x), read(vr), write(again));
    });
    for (const auto& [name, v] : y) collected[name]->add(v);
    if (rt.is_root())
      for (const auto& [name, s] : dots) out[name] = {s.get()};
  });
  for (const auto& [name, c] : collected) out[name] = c->values();
  return out;
}

double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

TEST(Sparse, KernelsEqualTheirReferencesOnAnyRanks) {
  const std::vector<std::int64_t> bounds{0, 17, 18, 40, 55, 90};
  const auto m = random_matrix(90, 5);
  const Values x = random_values(90, 1), r = random_values(90, 2), zero(90, 0.0);
  const auto one = results(m, bounds, 1);
  const Values ax = kernels::reference::multiply(m, x);
  expect_near(one.at("spmv"), ax, 1e-13);
  EXPECT_EQ(one.at("sell"), one.at("spmv"));
  EXPECT_EQ(one.at("dia"), one.at("spmv"));
  EXPECT_EQ(one.at("product"), one.at("spmv"));
  EXPECT_EQ(one.at("spmv_dot"), one.at("spmv_dot_sell"));
  EXPECT_EQ(one.at("spmv_dot"), one.at("spmv_dot_dia"));
  EXPECT_NEAR(one.at("spmv_dot")[0], dot(x, ax), 1e-12);
  Values difference(90), quotient(90);
  for (std::size_t i = 0; i < 90; ++i) difference[i] = r[i] - ax[i];
  for (const auto& e : m.entries)
    if (e.row == e.column)
      quotient[static_cast<std::size_t>(e.row)] = r[static_cast<std::size_t>(e.row)] / e.value;
  expect_near(one.at("residual"), difference, 1e-13);
  expect_near(one.at("jacobi"), quotient, 0);
  const Values swept = kernels::reference::gauss_seidel(m, bounds, x, r);
  const Values from_zero = kernels::reference::gauss_seidel(m, bounds, zero, r);
  expect_near(one.at("zero"), from_zero, 1e-14);
  expect_near(one.at("gauss_seidel"), swept, 1e-13);
  EXPECT_NEAR(one.at("jacobi_dot")[0], dot(r, quotient), 1e-13);
  EXPECT_NEAR(one.at("zero_dot")[0], dot(r, from_zero), 1e-13);
  EXPECT_NEAR(one.at("gauss_seidel_dot")[0], dot(r, swept), 1e-13);
  for (const std::uint32_t ranks : {2U, 3U}) EXPECT_EQ(results(m, bounds, ranks), one) << ranks << " ranks";
}

TEST(Blas1, EqualTheirDefinitions) {
  for (const std::int64_t n : {1, 7, 8, 9, 40}) {
    const Values p = random_values(n, 1), q = random_values(n, 2), x = random_values(n, 3),
                 r = random_values(n, 4);
    Options options;
    options.threads = 1;
    run_local_job(1, options, [&](Runtime& rt) {
      const Rows rows(rt, n, 64);
      const auto make = [&](const char* name, const Values& v) { return distribute(rows, name, v); };
      const Vector<double> vp = make("p", p), vq = make("q", q), vx = make("x", x), vr = make("r", r),
                           y = make("y", x), w = make("w", x);
      const Scalar<double> alpha(rt, "alpha", 0.75), beta(rt, "beta", -0.5), rr(rt, "rr"), pq(rt, "pq"),
          pp(rt, "pp");
      rt.run("vectors", [&](Recorder& rec) {
        rec.reduce(rows, kernels::cg_update(), sum(rr), read(alpha), read(vp), read(vq), update(vx),
                   update(vr));
        rec.reduce(rows, kernels::dot(), sum(pq), read(vp), read(vq));
        rec.reduce(rows, kernels::norm2(), sum(pp), read(vp));
        rec.each(rows, kernels::axpy(), read(alpha), read(vp), update(y));
        rec.each(rows, kernels::xpby(), read(vp), read(beta), update(w));
      });
      double expected = 0;
      for (std::size_t i = 0; i < p.size(); ++i) {
        EXPECT_EQ(vx.block()[i], x[i] + 0.75 * p[i]);
        EXPECT_EQ(vr.block()[i], r[i] - 0.75 * q[i]);
        EXPECT_EQ(y.block()[i], x[i] + 0.75 * p[i]);
        EXPECT_EQ(w.block()[i], p[i] + -0.5 * x[i]);
        expected += vr.block()[i] * vr.block()[i];
      }
      EXPECT_NEAR(rr.get(), expected, 1e-14 * static_cast<double>(n));
      EXPECT_NEAR(pq.get(), dot(p, q), 1e-14 * static_cast<double>(n));
      EXPECT_NEAR(pp.get(), dot(p, p), 1e-14 * static_cast<double>(n));
    });
  }
}

TEST(GridNumbering, NumbersEveryPointOnceTileByTile) {
  for (const Index3 n : {Index3{7, 5, 9}, Index3{1, 1, 1}, Index3{16, 8, 4}}) {
    const GridNumbering grid(n, {3, 4, 4});
    std::vector<int> seen(static_cast<std::size_t>(grid.points()));
    for (std::uint32_t t = 0; t + 1 < grid.bounds().size(); ++t) {
      std::int64_t next = grid.bounds()[t];
      grid.for_each_point(TileId{t}, [&](const Index3& p, std::int64_t row) {
        EXPECT_EQ(row, next++);
        EXPECT_EQ(grid.row(p), row);
        ++seen[static_cast<std::size_t>(row)];
      });
      EXPECT_EQ(next, grid.bounds()[t + 1]);
      for (int d = 0; d < 3; ++d) EXPECT_LE(grid.tile_box(TileId{t}).extent(d), d == 0 ? 3 : 4);
    }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), grid.points());
  }
}

/// HPCG's operator on n^3 points, applied by graph.
TEST(Hpcg, OperatorHasItsEigenvaluesAndEntries) {
  constexpr std::int64_t n = 12;
  Options options;
  options.threads = 2;
  run_local_job(2, options, [&](Runtime& rt) {
    const GridNumbering grid({n, n, n}, {5, 5, 5});
    const Rows rows(rt, grid.bounds());
    const SparseMatrix<double> a = kernels::hpcg_matrix(rt.transport(), rows, grid);
    EXPECT_EQ(a.entries(), (3 * n - 2) * (3 * n - 2) * (3 * n - 2));
    const Vector<double> x(rows, "x"), y(rows, "y");
    Graph product = rt.record("product", [&](Recorder& r) {
      r.each(rows, kernels::spmv(27), read(a), read(x, columns(a)), write(y));
    });
    for (const Index3 k : {Index3{1, 1, 1}, Index3{1, 2, 5}, Index3{12, 12, 12}}) {
      const auto phase = [&](int d) { return static_cast<double>(k[d]) * std::numbers::pi / (n + 1); };
      double lambda = 27;
      lambda -= (1 + 2 * std::cos(phase(0))) * (1 + 2 * std::cos(phase(1))) * (1 + 2 * std::cos(phase(2)));
      const std::int64_t first = rows.layout().block(rt.rank()).lo[2];
      for (const TileId t : rows.layout().tiles_of(rt.rank()))
        grid.for_each_point(t, [&](const Index3& p, std::int64_t row) {
          double v = 1;
          for (int d = 0; d < 3; ++d) v *= std::sin(phase(d) * static_cast<double>(p[d] + 1));
          x.block()[static_cast<std::size_t>(row - first)] = v;
        });
      Vector<double>(x).touch();
      product.run(1);
      for (std::size_t i = 0; i < x.block().size(); ++i)
        ASSERT_NEAR(y.block()[i], lambda * x.block()[i], 2e-13);
    }
  });
}

TEST(Hpcg, TransferKeepsEveryOtherPoint) {
  Options options;
  options.threads = 1;
  run_local_job(3, options, [&](Runtime& rt) {
    const GridNumbering fine({8, 6, 10}, {3, 3, 3}), coarse({4, 3, 5}, {2, 3, 3});
    const Rows fine_rows(rt, fine.bounds()), coarse_rows(rt, coarse.bounds());
    const SparseMatrix<double> a = kernels::hpcg_matrix(rt.transport(), fine_rows, fine);
    const kernels::GridTransfer t =
        kernels::hpcg_transfer(rt.transport(), fine_rows, fine, coarse_rows, coarse);
    const Vector<double> x = distribute(fine_rows, "x", random_values(fine.points(), 1)),
                         r = distribute(fine_rows, "r", random_values(fine.points(), 2)),
                         whole(fine_rows, "whole"), back(fine_rows, "back");
    const Vector<double> rc(coarse_rows, "rc"), expected(coarse_rows, "expected");
    rt.run("transfer", [&](Recorder& rec) {
      rec.each(coarse_rows, kernels::residual_restrict(27), read(t.kept_rows), read(x, columns(t.kept_rows)),
               read(t.injection), read(r, columns(t.injection)), write(rc));
      rec.each(fine_rows, kernels::residual(27), read(a), read(x, columns(a)), read(r), write(whole));
      rec.each(coarse_rows, kernels::spmv(1), read(t.injection), read(whole, columns(t.injection)),
               write(expected));
      rec.each(fine_rows, kernels::prolong(), read(t.prolongation), read(rc, columns(t.prolongation)),
               update(back));
    });
    for (std::size_t i = 0; i < rc.block().size(); ++i)
      ASSERT_NEAR(rc.block()[i], expected.block()[i], 1e-13);
    const std::int64_t first = fine_rows.layout().block(rt.rank()).lo[2];
    for (const TileId tile : fine_rows.layout().tiles_of(rt.rank()))
      fine.for_each_point(tile, [&](const Index3& p, std::int64_t row) {
        const auto at = static_cast<std::size_t>(row - first);
        if (p[0] % 2 == 0 && p[1] % 2 == 0 && p[2] % 2 == 0)
          ASSERT_NEAR(back.block()[at], whole.block()[at], 1e-13);
        else
          ASSERT_EQ(back.block()[at], 0.0);
      });
  });
}

}  // namespace
}  // namespace tutti::test
