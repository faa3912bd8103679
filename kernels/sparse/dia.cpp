// Products and sweeps on diagonals of slices. A slice's rows are the lanes of a vector.
#include <algorithm>
#include <cstring>

#include "kernels/blas1/blas1.hpp"
#include "kernels/launch.hpp"
#include "kernels/sparse/local.hpp"
#include "kernels/sparse/sparse.hpp"
#include "runtime/data/stream.hpp"

namespace tutti::kernels {
namespace {

using Tile = DiaTile<double>;
using Part = Tile::Part;
constexpr std::uint32_t lanes = Tile::lanes;
/// A value for each row of a slice, in as many vectors as the instruction set needs. (One vector type of
/// eight doubles is what compilers take apart element by element where the registers are smaller.)
struct Lanes {
  static constexpr std::uint32_t parts = lanes / stream::lanes;
  stream::Vector part[parts];
  template <class Operation>
  [[gnu::always_inline]] static Lanes each(const Operation& operation) {
    Lanes result;
    for (std::uint32_t i = 0; i < parts; ++i) result.part[i] = operation(i);
    return result;
  }
  [[gnu::always_inline]] Lanes operator+(const Lanes& o) const {
    return each([&](std::uint32_t i) TUTTI_INLINE { return part[i] + o.part[i]; });
  }
  [[gnu::always_inline]] Lanes operator-(const Lanes& o) const {
    return each([&](std::uint32_t i) TUTTI_INLINE { return part[i] - o.part[i]; });
  }
  [[gnu::always_inline]] Lanes operator*(const Lanes& o) const {
    return each([&](std::uint32_t i) TUTTI_INLINE { return part[i] * o.part[i]; });
  }
  [[gnu::always_inline]] void operator+=(const Lanes& o) { *this = *this + o; }
  [[gnu::always_inline]] void operator-=(const Lanes& o) { *this = *this - o; }
};
[[gnu::always_inline]] inline Lanes inverse_of(const Lanes& v) {
  return Lanes::each([&](std::uint32_t i) TUTTI_INLINE { return 1.0 / v.part[i]; });
}
[[gnu::always_inline]] inline Lanes load(const double* from) {
  return Lanes::each([&](std::uint32_t i) TUTTI_INLINE { return stream::load(from + i * stream::lanes); });
}
[[gnu::always_inline]] inline void store(double* to, const Lanes& v) {
  for (std::uint32_t i = 0; i < Lanes::parts; ++i) stream::store_cached(to + i * stream::lanes, v.part[i]);
}

/// Those of rows first, ..., first + lanes - 1 that exist; 0 for others.
[[gnu::always_inline]] inline Lanes load_rows(const double* x, std::uint32_t first, std::uint32_t rows) {
  if (first + lanes <= rows) return load(x + first);
  double v[lanes] = {};
  std::copy(x + first, x + rows, v);
  return load(v);
}
[[gnu::always_inline]] inline void store_rows(double* x, std::uint32_t first, std::uint32_t rows,
                                              const Lanes& v) {
  if (first + lanes <= rows) return store(x + first, v);
  double values[lanes];
  store(values, v);
  std::copy_n(values, rows - first, x + first);
}

/// How many groups ahead values are asked for, for the first-level cache and (0: not at all) for the second.
/// On Zen 4, which has vectors of eight, products from memory took 0.65 of the time with both; on Zen 3 the
/// second gains nothing.
constexpr std::ptrdiff_t near = 20, far = stream::lanes == 8 ? 96 : 0;

/// The products of group g, in a loop that goes forwards (1) or backwards (-1) through the groups. Past a
/// part's ends come the next part or tile.
template <int direction>
[[gnu::always_inline]] inline Lanes product(const Part& part, std::uint32_t g, const double* x) {
  const double* value = part.group(g);
  constexpr std::ptrdiff_t step = lanes / 2;  // every other group lies elsewhere
  if constexpr (direction > 0 && far != 0) __builtin_prefetch(value + far * step, 0, 2);
  __builtin_prefetch(value + direction * near * step, 0, 3);
  return load(value) * load(x + part.column[g]);
}

/// Values by local column, with `lanes` zeros before and behind them for entries that are padding.
struct Local {
  Local(std::uint32_t columns, double* memory) : values(memory + lanes) {
    std::fill_n(memory, lanes, 0.0);
    std::fill_n(values + columns, lanes, 0.0);
  }
  static std::size_t size(std::uint32_t columns) { return columns + 2 * lanes; }
  double* values;
};

double* local_values(const Tile& a, const Columns<double>& x) {
  const Local local(a.columns, scratch(Local::size(a.columns)));
  fetch_columns(x, local.values);
  return local.values;
}

void multiply(const Tile& a, const double* x, double* y) {
  for (std::uint32_t s = 0; s < a.slices; ++s) {
    const std::uint32_t row = s * lanes;
    Lanes sum{};
    for (std::uint32_t g = a.lower.first[s]; g < a.lower.first[s + 1]; ++g) sum += product<1>(a.lower, g, x);
    sum += load(a.diagonal + row) * load(x + row);
    for (std::uint32_t g = a.upper.first[s]; g < a.upper.first[s + 1]; ++g) sum += product<1>(a.upper, g, x);
    for (std::uint32_t g = a.outside.first[s]; g < a.outside.first[s + 1]; ++g)
      sum += product<1>(a.outside, g, x);
    store_rows(y, row, a.rows, sum);
  }
}

/// Calls solve(l) for lanes 0, ..., n - 1 in the order of `step`, 1 or -1.
template <int step, class Solve>
[[gnu::always_inline]] inline void in_order(std::uint32_t n, const Solve& solve) {
  if constexpr (step > 0)
    for (std::uint32_t l = 0; l < n; ++l) solve(l);
  else
    for (std::uint32_t l = n; l-- > 0;) solve(l);
}

/// Solves the rows of slice s one after the other and returns them: x_i = inverse_i (t_i - sum of what row i
/// has in groups begin <= g < end), where the row before row i in the order of `step` (1 or -1) may be among
/// its columns; `before` is its value, which for the next slice becomes that of the last row.
template <int step>
[[gnu::always_inline]] inline Lanes solve_slice(const Tile& a, const Part& part, std::uint32_t s,
                                                std::uint32_t begin, std::uint32_t end, const Lanes& t,
                                                const Lanes& inverse, double* x, double& before) {
  const std::uint32_t row = s * lanes, n = std::min(lanes, a.rows - row);
  alignas(64) double right[lanes], coupling[lanes];
  if (end - begin == 1 && part.column[begin] == static_cast<std::int32_t>(row) - step) {
    store(right, t * inverse);
    store(coupling, load(part.group(begin)) * inverse);
    if (n == lanes) {
      // in registers: a vector that is read from memory waits until each of its elements has got there
      Lanes solved;
      in_order<step>(lanes, [&](std::uint32_t l) TUTTI_INLINE {
        before = right[l] - coupling[l] * before;
        solved.part[l / stream::lanes][l % stream::lanes] = before;
      });
      store(x + row, solved);
      return solved;
    }
    in_order<step>(n, [&](std::uint32_t l) { x[row + l] = before = right[l] - coupling[l] * before; });
  } else {
    store(right, t);
    store(coupling, inverse);
    in_order<step>(n, [&](std::uint32_t l) {
      double sum = right[l];
      for (std::uint32_t g = begin; g < end; ++g)
        sum -= part.group(g)[l] * x[part.column[g] + static_cast<std::int32_t>(l)];
      x[row + l] = before = sum * coupling[l];
    });
  }
  return load_rows(x, row, a.rows);
}

struct GaussSeidelZero {
  void operator()(const Tile& a, In<double> r, Out<double> out) const {
    double* z = Local(a.rows, scratch(Local::size(a.rows))).values;
    double before = 0;
    for (std::uint32_t s = 0; s < a.slices; ++s) {
      const std::uint32_t row = s * lanes, inner = a.lower.inner[s];
      const Lanes inverse = inverse_of(load(a.diagonal + row));
      Lanes t = load_rows(r.data, row, a.rows);
      for (std::uint32_t g = a.lower.first[s]; g < inner; ++g) t -= product<1>(a.lower, g, z);
      solve_slice<1>(a, a.lower, s, inner, a.lower.first[s + 1], t, inverse, z, before);
    }
    before = 0;
    for (std::uint32_t s = a.slices; s-- > 0;) {
      const std::uint32_t row = s * lanes, inner = a.upper.inner[s];
      const Lanes d = load(a.diagonal + row);
      Lanes sum{};
      for (std::uint32_t g = a.upper.first[s + 1]; g-- > inner;) sum += product<-1>(a.upper, g, z);
      // z is D z of the forward sweep over D
      const Lanes solved = solve_slice<-1>(a, a.upper, s, a.upper.first[s], inner,
                                           d * load_rows(z, row, a.rows) - sum, inverse_of(d), z, before);
      store_rows(out.data, row, a.rows, solved);
    }
  }
};

// Backwards, a row changes by what the rows behind it have changed by in both sweeps.
struct GaussSeidel {
  void operator()(const Tile& a, Columns<double> x, In<double> r, Out<double> out) const {
    double* memory = scratch(Local::size(a.columns) + Local::size(a.rows));
    double* z = Local(a.columns, memory).values;
    double* change = Local(a.rows, memory + Local::size(a.columns)).values;
    fetch_columns(x, z);
    double before = 0;
    for (std::uint32_t s = 0; s < a.slices; ++s) {
      const std::uint32_t row = s * lanes, inner = a.lower.inner[s];
      const Lanes inverse = inverse_of(load(a.diagonal + row));
      const Lanes old = load_rows(z, row, a.rows);
      Lanes t = load_rows(r.data, row, a.rows);
      for (std::uint32_t g = a.outside.first[s]; g < a.outside.first[s + 1]; ++g)
        t -= product<1>(a.outside, g, z);
      for (std::uint32_t g = a.upper.first[s]; g < a.upper.first[s + 1]; ++g) t -= product<1>(a.upper, g, z);
      for (std::uint32_t g = a.lower.first[s]; g < inner; ++g) t -= product<1>(a.lower, g, z);
      const Lanes solved = solve_slice<1>(a, a.lower, s, inner, a.lower.first[s + 1], t, inverse, z, before);
      store_rows(change, row, a.rows, solved - old);
    }
    before = 0;
    for (std::uint32_t s = a.slices; s-- > 0;) {
      const std::uint32_t row = s * lanes, inner = a.upper.inner[s];
      const Lanes d = load(a.diagonal + row);
      const Lanes forwards = load_rows(change, row, a.rows);
      Lanes sum{};
      for (std::uint32_t g = a.upper.first[s + 1]; g-- > inner;) sum += product<-1>(a.upper, g, change);
      const Lanes solved = solve_slice<-1>(a, a.upper, s, a.upper.first[s], inner, d * forwards - sum,
                                           inverse_of(d), change, before);
      store_rows(out.data, row, a.rows, load_rows(z, row, a.rows) + (solved - forwards));
    }
  }
};

struct Spmv {
  void operator()(const Tile& a, Columns<double> x, Out<double> y) const {
    multiply(a, local_values(a, x), y.data);
  }
};

struct SpmvDot {
  double operator()(const Tile& a, Columns<double> x, Out<double> y) const {
    const double* local = local_values(a, x);
    multiply(a, local, y.data);
    return lane_dot(local, y.data, a.rows);
  }
};

struct GaussSeidelZeroDot {
  double operator()(const Tile& a, In<double> r, Out<double> z) const {
    GaussSeidelZero{}(a, r, z);
    return lane_dot(r.data, z.data, a.rows);
  }
};

struct GaussSeidelDot {
  double operator()(const Tile& a, Columns<double> x, In<double> r, Out<double> z) const {
    GaussSeidel{}(a, x, r, z);
    return lane_dot(r.data, z.data, a.rows);
  }
};

// Per row: 8.5 bytes for each entry (a column for eight of them) and `vectors` vectors.
Cost cost(double row_entries, double products, double vectors) {
  return {2 * row_entries * products, 8.5 * row_entries + 8 * vectors};
}
Cost with_dot(Cost c) { return {c.flops + 2, c.bytes}; }

}  // namespace

Kernel spmv_dia(double n) { return make_kernel("spmv", Spmv{}, cost(n, 1, 2)); }
Kernel spmv_dot_dia(double n) { return make_kernel("spmv_dot", SpmvDot{}, with_dot(cost(n, 1, 2))); }
Kernel gauss_seidel_zero(double n) {
  return make_kernel("gauss_seidel_zero", GaussSeidelZero{}, cost(n, 1, 2));
}
Kernel gauss_seidel_zero_dot(double n) {
  return make_kernel("gauss_seidel_zero_dot", GaussSeidelZeroDot{}, with_dot(cost(n, 1, 2)));
}
Kernel gauss_seidel(double n) { return make_kernel("gauss_seidel", GaussSeidel{}, cost(n, 1.5, 3)); }
Kernel gauss_seidel_dot(double n) {
  return make_kernel("gauss_seidel_dot", GaussSeidelDot{}, with_dot(cost(n, 1.5, 3)));
}

}  // namespace tutti::kernels
