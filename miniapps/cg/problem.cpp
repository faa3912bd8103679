#include "miniapps/cg/problem.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/stencil.hpp"
#include "runtime/error.hpp"
#include "runtime/io/matrix_market.hpp"

using namespace tutti;

HpcgProblem::HpcgProblem(Runtime& rt, const Index3& extents, const Index3& tile_edge,
                         const std::function<double(std::int64_t)>& diagonal)
    : rt_(rt),
      tile_edge_(tile_edge),
      diagonal_(diagonal),
      grid_(extents, tile_edge),
      rows_(rt, grid_.bounds()),
      system_{kernels::hpcg_matrix(rt.transport(), rows_, grid_, diagonal),
              {},
              {},
              Vector<double>(rows_, "x", 1.0),
              Vector<double>(rows_, "b")} {
  rt.run("right-hand side", [&](Recorder& r) { system_.record_product(r, system_.x, system_.b); });
}

double HpcgProblem::smallest_eigenvalue() const {
  double product = 1;
  for (const std::int64_t n : grid_.extents())
    product *= 1 + 2 * std::cos(std::numbers::pi / static_cast<double>(n + 1));
  return 27 - product;
}

namespace {

/// Rows whose entries take half a MiB.
std::int64_t cached_rows(const MatrixMarketHeader& header) {
  const double mirrored = header.symmetry == MatrixSymmetry::general ? 1 : 2;
  const double row_entries =
      mirrored * static_cast<double>(header.entries) / static_cast<double>(header.rows) + 1;
  return std::clamp<std::int64_t>(static_cast<std::int64_t>((1 << 19) / (10 * row_entries)), 64, 16384);
}

void read_vector(Runtime& rt, const std::string& path, const Vector<double>& v) {
  // elements arrive on any rank: a matrix of one column takes them to their owners
  const Rows one(rt, 1, 1);
  MatrixAssembly<double> assembly(rt.transport(), v.rows(), one, path);
  MatrixMarketVectorReader reader(rt.transport(), path, v.rows().size());
  std::int64_t first = 0;
  std::vector<double> values;
  while (reader.next(first, values)) {
    for (std::size_t i = 0; i < values.size(); ++i)
      assembly.add(first + static_cast<std::int64_t>(i), 0, values[i]);
    assembly.exchange();
  }
  const SparseMatrix<double> column = assembly.finish();
  const Vector<double> unit(one, "unit", 1.0);
  rt.run("read", [&](Recorder& r) {
    r.each(v.rows(), kernels::spmv(1), read(column), read(unit, columns(column)), write(v));
  });
}

}  // namespace

LinearSystem read_system(Runtime& rt, const std::string& matrix, const std::string& rhs, std::uint64_t seed,
                         std::int64_t rows_per_tile) {
  MatrixMarketReader reader(rt.transport(), matrix);
  const MatrixMarketHeader& header = reader.header();
  if (header.rows != header.columns)
    usage_error("{}: a system needs a square matrix, and this one has {} rows and {} columns", matrix,
                header.rows, header.columns);
  if (header.rows == 0 || header.rows > header.entries)
    usage_error("{}: {} entries for {} rows: some row has none, and the system no unique solution", matrix,
                header.entries, header.rows);
  const Rows rows(rt, header.rows, rows_per_tile > 0 ? rows_per_tile : cached_rows(header));
  MatrixAssembly<double> assembly(rt.transport(), rows, rows, matrix);
  std::vector<Triplet> triplets;
  while (reader.next(triplets)) {
    for (const Triplet& t : triplets) assembly.add(t.row, t.column, t.value);
    assembly.exchange();
  }
  LinearSystem system{assembly.finish(), {}, {}, Vector<double>(rows, "x"), Vector<double>(rows, "b", 1.0)};
  if (rhs == "random")
    rt.run("random", [&](Recorder& r) { r.each(rows, kernels::random_vector(seed), write(system.b)); });
  else if (rhs != "ones")
    read_vector(rt, rhs, system.b);
  return system;
}

SolutionCheck check_solution(Runtime& rt, const LinearSystem& system) {
  const Rows& rows = system.a.rows();
  const Vector<double> r(rows, "true residual"), error(rows, "error", 1.0);
  const Scalar<double> rr(rt, "rr"), bb(rt, "bb"), largest(rt, "largest"), minus(rt, "minus", -1.0);
  const Scalar<std::uint64_t> hash(rt, "checksum");
  rt.run("check", [&](Recorder& rec) {
    rec.each(rows, kernels::residual(kernels::entries_per_row(system.a)), read(system.a),
             read(system.x, columns(system.a)), read(system.b), write(r));
    rec.reduce(rows, kernels::norm2(), sum(rr), read(r));
    rec.reduce(rows, kernels::norm2(), sum(bb), read(system.b));
    rec.each(rows, kernels::axpy(), read(minus), read(system.x), update(error));
    rec.reduce(rows, kernels::max_abs(), max(largest), read(error));
    rec.reduce(rows, kernels::checksum({1, 1, rows.size()}), sum(hash), read(system.x));
  });
  return {std::sqrt(rr.get()) / std::sqrt(bb.get()), std::sqrt(rr.get()), largest.get(), hash.get()};
}

void write_solution(Runtime& rt, const std::string& path, const LinearSystem& system, const HpcgProblem* hpcg,
                    const std::vector<double>& history, const nlohmann::json& provenance) {
  const VectorShape shape = hpcg ? hpcg->grid_shape() : VectorShape{{system.a.rows().size()}};
  write_vector(rt.transport(), path, "x", system.x, shape, {named_list("residual_history", history)},
               provenance);
}

Asymmetry asymmetry(Runtime& rt, const LinearSystem& system, Preconditioner& preconditioner,
                    std::uint64_t seed) {
  const Rows& rows = system.a.rows();
  const Vector<double> x(rows, "x"), y(rows, "y"), ax(rows, "Ax"), ay(rows, "Ay");
  const Scalar<double> xay(rt, "xay"), yax(rt, "yax"), xx(rt, "xx"), ayay(rt, "ayay");
  const auto measure =
      [&](const std::function<void(Recorder&, const Vector<double>&, const Vector<double>&)>& apply) {
        rt.run("symmetry", [&](Recorder& r) {
          r.each(rows, kernels::random_vector(seed), write(x));
          r.each(rows, kernels::random_vector(seed + 1), write(y));
          apply(r, x, ax);
          apply(r, y, ay);
          r.reduce(rows, kernels::dot(), sum(xay), read(x), read(ay));
          r.reduce(rows, kernels::dot(), sum(yax), read(y), read(ax));
          r.reduce(rows, kernels::norm2(), sum(xx), read(x));
          r.reduce(rows, kernels::norm2(), sum(ayay), read(ay));
        });
        return std::abs(xay.get() - yax.get()) / std::sqrt(xx.get() * ayay.get());
      };
  Asymmetry found;
  found.matrix = measure([&](Recorder& r, const Vector<double>& from, const Vector<double>& to) {
    system.record_product(r, from, to);
  });
  found.preconditioner = measure([&](Recorder& r, const Vector<double>& from, const Vector<double>& to) {
    preconditioner.apply(r, from, to, nullptr);
  });
  return found;
}
