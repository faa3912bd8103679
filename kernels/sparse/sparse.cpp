#include "kernels/sparse/sparse.hpp"

#include <algorithm>

#include "kernels/blas1/blas1.hpp"
#include "kernels/launch.hpp"
#include "kernels/sparse/local.hpp"

namespace tutti::kernels {
namespace {

using Matrix = CsrTile<double>;
using Sell = SellTile<double>;

template <class Tile>
const double* local_values(const Tile& a, const Columns<double>& x) {
  double* local = scratch(a.columns);
  fetch_columns(x, local);
  return local;
}

/// Asks for the entries of a matrix `ahead` of entry k, `count` of them; past a tile's last entry come those
/// of the next tile. (Products from memory took 0.85 of the time with it on Zen 4.) In SELL, where entries
/// are read in order, those `near` also go to the first level.
constexpr std::size_t ahead = 512, near = 160;
template <class Column>
void prefetch(const double* value, const Column* column, std::size_t k, std::size_t count) {
  for (std::size_t j = 0; j < count; j += 8) __builtin_prefetch(value + k + ahead + j, 0, 2);
  for (std::size_t j = 0; j < count; j += 64 / sizeof(Column))
    __builtin_prefetch(column + k + ahead + j, 0, 2);
}

template <class Column>
double row_product(const Matrix& a, const Column* column, std::uint32_t begin, std::uint32_t end,
                   const double* x) {
  double sum = 0;
  for (std::uint32_t k = begin; k < end; ++k) sum += a.value[k] * x[column[k]];
  return sum;
}

/// row(i, sum) with the product of row i.
template <class Row>
void for_row_products(const Matrix& a, const double* x, const Row& row) {
  a.column.visit([&](const auto* column) {
    const std::uint32_t mean = a.entries() / a.rows;
    for (std::uint32_t i = 0; i < a.rows; ++i) {
      prefetch(a.value, column, a.first[i], mean);
      row(i, row_product(a, column, a.first[i], a.first[i + 1], x));
    }
  });
}

void multiply(const Matrix& a, const double* x, double* y) {
  for_row_products(a, x, [&](std::uint32_t i, double sum) { y[i] = sum; });
}

void multiply(const Sell& a, const double* x, double* y) {
  constexpr std::uint32_t lanes = Sell::lanes;
  a.column.visit([&](const auto* column) {
    constexpr std::uint32_t line = 64 / sizeof *column;  // columns in a line
    for (std::uint32_t s = 0; s < a.slices; ++s) {
      double sum[lanes] = {};
      for (std::uint32_t k = a.first[s]; k < a.first[s + 1]; k += lanes) {
        __builtin_prefetch(a.value + k + ahead, 0, 2);
        __builtin_prefetch(a.value + k + near, 0, 3);
        if (k % line == 0) __builtin_prefetch(column + k + ahead, 0, 2);
        if (k % line == 0) __builtin_prefetch(column + k + near, 0, 3);
        TUTTI_INDEPENDENT
        for (std::uint32_t l = 0; l < lanes; ++l) sum[l] += a.value[k + l] * x[column[k + l]];
      }
      const std::uint32_t* order = a.order + std::size_t{s} * lanes;
      const std::uint32_t n = std::min(lanes, a.rows - s * lanes);
      for (std::uint32_t l = 0; l < n; ++l) y[order[l]] = sum[l];
    }
  });
}

template <class Tile>
struct Spmv {
  void operator()(Tile a, Columns<double> x, Out<double> y) const { multiply(a, local_values(a, x), y.data); }
};

template <class Tile>
struct SpmvDot {
  double operator()(Tile a, Columns<double> x, Out<double> y) const {
    const double* local = local_values(a, x);
    multiply(a, local, y.data);
    return lane_dot(local, y.data, a.rows);
  }
};

struct Residual {
  void operator()(Matrix a, Columns<double> x, In<double> b, Out<double> r) const {
    for_row_products(a, local_values(a, x),
                     [&](std::uint32_t i, double sum) { r.data[i] = b.data[i] - sum; });
  }
};

struct Jacobi {
  void operator()(Matrix a, In<double> r, Out<double> z) const {
    for (std::uint32_t i = 0; i < a.rows; ++i) z.data[i] = r.data[i] / a.value[a.diagonal[i]];
  }
};

struct JacobiDot {
  double operator()(Matrix a, In<double> r, Out<double> z) const {
    Jacobi{}(a, r, z);
    return lane_dot(r.data, z.data, a.rows);
  }
};

struct ResidualRestrict {
  void operator()(Matrix fine_rows, Columns<double> x, Matrix injection, Columns<double> r,
                  Out<double> coarse) const {
    double* to = coarse.data;
    for_row_products(fine_rows, local_values(fine_rows, x),
                     [&](std::uint32_t i, double sum) { to[i] = sum; });
    for_row_products(injection, local_values(injection, r),
                     [&](std::uint32_t i, double sum) { to[i] = sum - to[i]; });
  }
};

struct Prolong {
  void operator()(Matrix a, Columns<double> coarse, InOut<double> x) const {
    const double* local = local_values(a, coarse);
    a.column.visit([&](const auto* column) {
      for (std::uint32_t i = 0; i < a.rows; ++i)
        for (std::uint32_t k = a.first[i]; k < a.first[i + 1]; ++k)
          x.data[i] += a.value[k] * local[column[k]];
    });
  }
};

// Per row: 10 bytes for each entry (with columns of 16 bits) and `vectors` vectors; the arrays of a row (12
// bytes) and gathered values are not counted.
Cost cost(double row_entries, double products, double vectors) {
  return {2 * row_entries * products, 10 * row_entries + 8 * vectors};
}

Cost with_dot(Cost c) { return {c.flops + 2, c.bytes}; }

}  // namespace

Kernel spmv(double n) { return make_kernel("spmv", Spmv<Matrix>{}, cost(n, 1, 2)); }
Kernel spmv_dot(double n) { return make_kernel("spmv_dot", SpmvDot<Matrix>{}, with_dot(cost(n, 1, 2))); }
Kernel spmv_sell(double n) { return make_kernel("spmv", Spmv<Sell>{}, cost(n, 1, 2)); }
Kernel spmv_dot_sell(double n) { return make_kernel("spmv_dot", SpmvDot<Sell>{}, with_dot(cost(n, 1, 2))); }
Kernel residual(double n) { return make_kernel("residual", Residual{}, cost(n, 1, 3)); }
Kernel jacobi() { return make_kernel("jacobi", Jacobi{}, {1, 24}); }
Kernel jacobi_dot() { return make_kernel("jacobi_dot", JacobiDot{}, {3, 24}); }
Kernel residual_restrict(double n) {
  return make_kernel("residual_restrict", ResidualRestrict{}, cost(n, 1, 2 + 1.5));
}
Kernel prolong() { return make_kernel("prolong", Prolong{}, {0.25, 16 + 12.0 / 8}); }

}  // namespace tutti::kernels
