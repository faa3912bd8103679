#include <vector>

#include "gpu/check/checks.hpp"
#include "gpu/check/grid_system.hpp"
#include "kernels/sparse/sparse.hpp"

namespace tutti::gpu_check {
namespace {

/// A system and vectors on its rows.
class System {
 public:
  System(Bench& bench, std::int64_t n, std::int64_t edge) : bench_(bench), grid_(n, edge) {
    for (GridTile& t : grid_.tiles()) {  // other values than the operator's: none can take another's place
      for (std::size_t k = 0; k < t.values.size(); ++k) t.values[k] += 0.1 * static_cast<double>(k % 7);
      copy_values(t);
      t.make_dia();
    }
    for (auto& v : vectors_) {
      v.resize(static_cast<std::size_t>(grid_.rows()));
      bench.fill(v);
    }
    parts_.resize(grid_.tiles().size());
  }

  /// Arguments in the order of `what`: 'c', 's' and 'd' for the matrix in CSR, SELL and DIA, 'x' for vector 0
  /// through its columns, digits for a vector's rows.
  void check(const Kernel& kernel, const std::string& what, std::vector<double>* written) {
    std::vector<std::vector<Argument>> lists;
    for (std::size_t t = 0; t < grid_.tiles().size(); ++t) {
      auto& list = lists.emplace_back();
      for (const char c : what) list.push_back(argument(t, c));
    }
    std::vector<std::vector<double>*> arrays;
    for (auto& v : vectors_) arrays.push_back(&v);
    const std::string matrix = what[0] == 's' ? " SELL, " : what[0] == 'd' ? " DIA, " : " CSR, ";
    compare(bench_, kernel.name + matrix + std::to_string(grid_.rows()) + " rows", kernel, lists, arrays,
            {written});
  }
  std::vector<double>* vector(std::size_t v) { return &vectors_[v]; }
  double row_entries() const {
    return static_cast<double>(grid_.entries()) / static_cast<double>(grid_.rows());
  }

 private:
  /// SELL gets the values of CSR.
  static void copy_values(GridTile& t) {
    constexpr std::uint32_t lanes = SellTile<double>::lanes;
    for (std::uint32_t s = 0; s < t.sell.slices; ++s)
      for (std::uint32_t l = 0; l < lanes; ++l) {
        const std::uint32_t row = t.order[std::size_t{s} * lanes + l];
        if (row == t.sell.rows) continue;
        for (std::uint32_t k = t.first[row]; k < t.first[row + 1]; ++k)
          t.sell_values[t.sell_first[s] + lanes * (k - t.first[row]) + l] = t.values[k];
      }
  }

  Argument argument(std::size_t t, char what) {
    GridTile& tile = grid_.tiles()[t];
    Argument a;
    a.box = {{0, 0, grid_.first_row(t)}, {1, 1, grid_.first_row(t + 1)}};
    a.stride0 = a.stride1 = grid_.rows();
    if (what == 'c') {
      a.data = &tile.csr;
    } else if (what == 's') {
      a.data = &tile.sell;
    } else if (what == 'd') {
      a.data = &tile.dia;
    } else {
      auto& v = vectors_[what == 'x' ? 0 : static_cast<std::size_t>(what - '0')];
      a.data = v.data() + grid_.first_row(t);
      if (what == 'x') {
        parts_[t].clear();
        for (const auto& p : tile.parts)
          parts_[t].push_back({v.data() + grid_.first_row(p.producer), p.positions.data(),
                               static_cast<std::uint32_t>(p.positions.size())});
        a.parts = parts_[t].data();
        a.input_count = static_cast<std::uint32_t>(parts_[t].size());
      }
    }
    return a;
  }

  Bench& bench_;
  GridSystem grid_;
  std::vector<double> vectors_[3];
  std::vector<std::vector<ColumnPart>> parts_;
};

}  // namespace

void check_sparse(Bench& bench) {
  using namespace kernels;
  const std::int64_t edge = bench.between(5, 9);
  System s(bench, 2 * edge + bench.between(1, 4), edge);
  const double n = s.row_entries();
  s.check(spmv(n), "cx1", s.vector(1));
  s.check(spmv_dot(n), "cx1", s.vector(1));
  s.check(spmv_sell(n), "sx1", s.vector(1));
  s.check(spmv_dot_sell(n), "sx1", s.vector(1));
  s.check(spmv_dia(n), "dx1", s.vector(1));
  s.check(spmv_dot_dia(n), "dx1", s.vector(1));
  s.check(gauss_seidel_zero(n), "d12", s.vector(2));
  s.check(gauss_seidel_zero_dot(n), "d12", s.vector(2));
  s.check(gauss_seidel(n), "dx12", s.vector(2));
  s.check(gauss_seidel_dot(n), "dx12", s.vector(2));
  s.check(residual(n), "cx12", s.vector(2));
  s.check(jacobi(), "c12", s.vector(2));
  s.check(jacobi_dot(), "c12", s.vector(2));
  s.check(residual_restrict(n), "cxcx1", s.vector(1));
  s.check(prolong(), "cx1", s.vector(1));

  // a tile that needs more than shared memory, and 32 bits for its columns
  System large(bench, 42, 41);
  large.check(spmv_dot(n), "cx1", large.vector(1));
  large.check(spmv_dot_sell(n), "sx1", large.vector(1));
  large.check(spmv_dot_dia(n), "dx1", large.vector(1));
  large.check(gauss_seidel_zero_dot(n), "d12", large.vector(2));
  large.check(gauss_seidel_dot(n), "dx12", large.vector(2));
}

}  // namespace tutti::gpu_check
