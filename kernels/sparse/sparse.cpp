#include "kernels/sparse/sparse.hpp"

#include <algorithm>
#include <vector>

#include "kernels/blas1/lanes.hpp"
#include "kernels/launch.hpp"

namespace tutti::kernels {
namespace {

using Matrix = CsrTile<double>;
using Sell = SellTile<double>;

/// Memory of the calling thread that grows to the largest tile and is kept.
double* scratch(std::size_t n) {
  thread_local std::vector<double> memory;
  if (memory.size() < n) memory.resize(n);
  return memory.data();
}

/// The values of all local columns; `extra` elements follow.
template <class Tile>
double* local_values(const Tile& a, const Columns<double>& x, std::size_t extra = 0) {
  double* local = scratch(a.columns + extra);
  if (a.own_columns > 0) std::copy_n(x.own, a.own_columns, local);
  x.gather_others(local + a.own_columns);
  return local;
}

double row_product(const Matrix& a, std::uint32_t begin, std::uint32_t end, const double* x) {
  double sum = 0;
  for (std::uint32_t k = begin; k < end; ++k) sum += a.value[k] * x[a.column[k]];
  return sum;
}

void multiply(const Matrix& a, const double* x, double* y) {
  for (std::uint32_t i = 0; i < a.rows; ++i) y[i] = row_product(a, a.first[i], a.first[i + 1], x);
}

void multiply(const Sell& a, const double* x, double* y) {
  constexpr std::uint32_t lanes = Sell::lanes;
  for (std::uint32_t s = 0; s < a.slices; ++s) {
    double sum[lanes] = {};
    for (std::uint32_t k = a.first[s]; k < a.first[s + 1]; k += lanes) {
      TUTTI_INDEPENDENT
      for (std::uint32_t l = 0; l < lanes; ++l) sum[l] += a.value[k + l] * x[a.column[k + l]];
    }
    const std::uint32_t* order = a.order + std::size_t{s} * lanes;
    const std::uint32_t n = std::min(lanes, a.rows - s * lanes);
    for (std::uint32_t l = 0; l < n; ++l) y[order[l]] = sum[l];
  }
}

double dot(const double* x, const double* y, std::uint32_t n) {
  return in_lanes(
      n, [&](std::int64_t i) __attribute__((always_inline)) { return x[i] * y[i]; });
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
    return dot(local, y.data, a.rows);
  }
};

struct Residual {
  void operator()(Matrix a, Columns<double> x, In<double> b, Out<double> r) const {
    const double* local = local_values(a, x);
    for (std::uint32_t i = 0; i < a.rows; ++i)
      r.data[i] = b.data[i] - row_product(a, a.first[i], a.first[i + 1], local);
  }
};

struct Jacobi {
  void operator()(Matrix a, In<double> r, Out<double> z) const {
    for (std::uint32_t i = 0; i < a.rows; ++i) z.data[i] = r.data[i] / a.value[a.diagonal[i]];
  }
};

// Values that a row needs of the row before it come last in its sum: the sums of consecutive rows overlap but
// for that.
struct GaussSeidelZero {
  void operator()(Matrix a, In<double> r, Out<double> out) const {
    double* z = out.data;
    for (std::uint32_t i = 0; i < a.rows; ++i) {
      double sum = r.data[i];
      const std::uint32_t d = a.diagonal[i];
      const double inverse = 1.0 / a.value[d];
      for (std::uint32_t k = a.first[i]; k < d; ++k) sum -= a.value[k] * z[a.column[k]];
      z[i] = sum * inverse;
    }
    for (std::uint32_t i = a.rows; i-- > 0;) {
      double sum = 0;
      const std::uint32_t d = a.diagonal[i];
      const double inverse = 1.0 / a.value[d];
      for (std::uint32_t k = a.outside[i]; k-- > d + 1;) sum += a.value[k] * z[a.column[k]];
      z[i] -= sum * inverse;
    }
  }
};

struct GaussSeidel {
  void operator()(Matrix a, Columns<double> x, In<double> r, Out<double> out) const {
    double* z = local_values(a, x, a.rows);
    double* above = z + a.columns;  // U times the old values
    for (std::uint32_t i = 0; i < a.rows; ++i) {
      const std::uint32_t d = a.diagonal[i];
      const double inverse = 1.0 / a.value[d];
      above[i] = row_product(a, d + 1, a.outside[i], z);
      double sum = (r.data[i] - row_product(a, a.outside[i], a.first[i + 1], z)) - above[i];
      for (std::uint32_t k = a.first[i]; k < d; ++k) sum -= a.value[k] * z[a.column[k]];
      z[i] = sum * inverse;
    }
    for (std::uint32_t i = a.rows; i-- > 0;) {
      const std::uint32_t d = a.diagonal[i];
      const double inverse = 1.0 / a.value[d];
      double sum = -above[i];
      for (std::uint32_t k = a.outside[i]; k-- > d + 1;) sum += a.value[k] * z[a.column[k]];
      z[i] -= sum * inverse;
      out.data[i] = z[i];
    }
  }
};

/// The same, and r . z.
template <class Smoother>
struct WithDot;
template <>
struct WithDot<Jacobi> {
  double operator()(Matrix a, In<double> r, Out<double> z) const {
    Jacobi{}(a, r, z);
    return dot(r.data, z.data, a.rows);
  }
};
template <>
struct WithDot<GaussSeidelZero> {
  double operator()(Matrix a, In<double> r, Out<double> z) const {
    GaussSeidelZero{}(a, r, z);
    return dot(r.data, z.data, a.rows);
  }
};
template <>
struct WithDot<GaussSeidel> {
  double operator()(Matrix a, Columns<double> x, In<double> r, Out<double> z) const {
    GaussSeidel{}(a, x, r, z);
    return dot(r.data, z.data, a.rows);
  }
};

struct ResidualRestrict {
  void operator()(Matrix fine_rows, Columns<double> x, Matrix injection, Columns<double> r,
                  Out<double> coarse) const {
    const double* local = local_values(fine_rows, x);
    for (std::uint32_t i = 0; i < fine_rows.rows; ++i)
      coarse.data[i] = row_product(fine_rows, fine_rows.first[i], fine_rows.first[i + 1], local);
    const double* kept = local_values(injection, r);
    for (std::uint32_t i = 0; i < injection.rows; ++i)
      coarse.data[i] =
          row_product(injection, injection.first[i], injection.first[i + 1], kept) - coarse.data[i];
  }
};

struct Prolong {
  void operator()(Matrix a, Columns<double> coarse, InOut<double> x) const {
    const double* local = local_values(a, coarse);
    for (std::uint32_t i = 0; i < a.rows; ++i)
      for (std::uint32_t k = a.first[i]; k < a.first[i + 1]; ++k)
        x.data[i] += a.value[k] * local[a.column[k]];
  }
};

// Per row: 12 bytes for each entry and `vectors` vectors; the arrays of a row (12 bytes) and gathered values
// are not counted.
Cost cost(double row_entries, double products, double vectors) {
  return {2 * row_entries * products, 12 * row_entries + 8 * vectors};
}

Cost with_dot(Cost c) { return {c.flops + 2, c.bytes}; }

}  // namespace

double entries_per_row(const SparseMatrix<double>& a) {
  return static_cast<double>(a.entries()) / static_cast<double>(a.rows().size());
}

Kernel spmv(double n) { return make_kernel("spmv", Spmv<Matrix>{}, cost(n, 1, 2)); }
Kernel spmv_dot(double n) { return make_kernel("spmv_dot", SpmvDot<Matrix>{}, with_dot(cost(n, 1, 2))); }
Kernel spmv_sell(double n) { return make_kernel("spmv", Spmv<Sell>{}, cost(n, 1, 2)); }
Kernel spmv_dot_sell(double n) { return make_kernel("spmv_dot", SpmvDot<Sell>{}, with_dot(cost(n, 1, 2))); }
Kernel residual(double n) { return make_kernel("residual", Residual{}, cost(n, 1, 3)); }
Kernel jacobi() { return make_kernel("jacobi", Jacobi{}, {1, 24}); }
Kernel jacobi_dot() { return make_kernel("jacobi_dot", WithDot<Jacobi>{}, {3, 24}); }
Kernel gauss_seidel_zero(double n) {
  return make_kernel("gauss_seidel_zero", GaussSeidelZero{}, cost(n, 1, 2));
}
Kernel gauss_seidel_zero_dot(double n) {
  return make_kernel("gauss_seidel_zero_dot", WithDot<GaussSeidelZero>{}, with_dot(cost(n, 1, 2)));
}
Kernel gauss_seidel(double n) { return make_kernel("gauss_seidel", GaussSeidel{}, cost(n, 1.5, 3)); }
Kernel gauss_seidel_dot(double n) {
  return make_kernel("gauss_seidel_dot", WithDot<GaussSeidel>{}, with_dot(cost(n, 1.5, 3)));
}
Kernel residual_restrict(double n) {
  return make_kernel("residual_restrict", ResidualRestrict{}, cost(n, 1, 2 + 1.5));
}
Kernel prolong() { return make_kernel("prolong", Prolong{}, {0.25, 16 + 12.0 / 8}); }

}  // namespace tutti::kernels
