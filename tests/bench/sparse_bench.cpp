// Sparse kernels on the tiles of HPCG's operator, one after the other as a graph visits them: time per row of
// one thread, for several tile sizes. The matrix exceeds the caches.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "kernels/sparse.hpp"
#include "runtime/data/store.hpp"
#include "runtime/text.hpp"

namespace {

using namespace tutti;

std::int64_t points = 78;  // a side; by default 154 MB of entries

/// The operator in tiles of `edge`, and a plan-free way to call a kernel on each tile.
class Tiles {
 public:
  explicit Tiles(const Index3& edge)
      : transport_(make_local_transports(1)[0]),
        context_{RankId{0}, 1, 1, nullptr},
        grid_({points, points, points}, edge),
        rows_(context_, grid_.bounds()),
        a_(kernels::hpcg_matrix(*transport_, rows_, grid_)),
        sell_(a_),
        dia_(a_),
        x_(rows_, "x", 1.0),
        r_(rows_, "r", 1.0),
        z_(rows_, "z") {
    for (std::uint32_t t = 0; t < rows_.layout().tile_count(); ++t) {
      auto& parts = parts_.emplace_back();
      for (const auto& p : a_.column_map()->parts[t])
        parts.push_back({x_.name()->store->tile(p.producer).data, p.positions.data(),
                         static_cast<std::uint32_t>(p.positions.size())});
    }
  }

  /// Nanoseconds per row of each tile.
  template <class Matrix>
  std::vector<double> run(const Kernel& kernel, const Matrix& matrix, bool reads_columns, bool reads_r) {
    std::vector<double> row_ns;
    for (std::uint32_t t = 0; t < parts_.size(); ++t) {
      std::vector<Argument> arguments{matrix.name()->store->tile(TileId{t})};
      if (reads_columns) {
        arguments.push_back(x_.name()->store->tile(TileId{t}));
        arguments.back().parts = parts_[t].data();
        arguments.back().input_count = static_cast<std::uint32_t>(parts_[t].size());
      }
      if (reads_r) arguments.push_back(r_.name()->store->tile(TileId{t}));
      arguments.push_back(z_.name()->store->tile(TileId{t}));
      const auto begin = std::chrono::steady_clock::now();
      kernel.tile(kernel.functor.get(), Task{}, arguments.data(), nullptr);
      const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
      row_ns.push_back(took.count() / rows_.layout().rows(TileId{t}));
    }
    return row_ns;
  }
  const SparseMatrix<double>& csr() const { return a_; }
  const SellMatrix<double>& sell() const { return sell_; }
  const DiaMatrix<double>& dia() const { return dia_; }

 private:
  std::shared_ptr<Transport> transport_;
  RankContext context_;
  kernels::GridNumbering grid_;
  Rows rows_;
  SparseMatrix<double> a_;
  SellMatrix<double> sell_;
  DiaMatrix<double> dia_;
  Vector<double> x_, r_, z_;
  std::vector<std::vector<ColumnPart>> parts_;
};

double percentile(std::vector<double> values, double share) {
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

}  // namespace

int main(int argc, char** argv) {
  using namespace tutti::kernels;
  if (argc > 1) points = std::atoll(argv[1]);
  fmt::print(
      "{} points, one thread; nanoseconds per row: lower decile and median over tiles; GB/s at 12 bytes "
      "per entry\n",
      points * points * points);
  fmt::print("{:>20} {:>12} {:>8} {:>8} {:>8}\n", "kernel", "edge", "decile", "median", "GB/s");
  for (const Index3& edge : {Index3{8, 8, points}, Index3{13, 13, points}, Index3{26, 26, points}}) {
    Tiles tiles(edge);
    const auto report = [&](const char* name, const Kernel& kernel, const auto& matrix, bool reads_columns,
                            bool reads_r) {
      std::vector<double> row_ns;
      for (int pass = 0; pass < 5; ++pass) {
        const std::vector<double> found = tiles.run(kernel, matrix, reads_columns, reads_r);
        if (pass > 0) row_ns.insert(row_ns.end(), found.begin(), found.end());
      }
      const double median = percentile(row_ns, 0.5);
      fmt::print("{:>20} {:>12} {:>8.2f} {:>8.2f} {:>8.2f}\n", name,
                 joined(std::vector<std::int64_t>(edge.begin(), edge.end()), "x"), percentile(row_ns, 0.1),
                 median, 12 * entries_per_row(tiles.csr()) / median);
    };
    report("spmv", spmv(27), tiles.csr(), true, false);
    report("spmv_sell", spmv_sell(27), tiles.sell(), true, false);
    report("spmv_dia", spmv_dia(27), tiles.dia(), true, false);
    report("gauss_seidel_zero", gauss_seidel_zero(27), tiles.dia(), false, true);
    report("gauss_seidel", gauss_seidel(27), tiles.dia(), true, true);
  }
}
