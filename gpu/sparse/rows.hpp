// Kernels of sparse matrices on one tile by a block of threads. Each function is what thread `t` of `threads`
// does between two barriers; a row's products are added by one thread, one after the other in the order of
// its entries: the host's bits. Free of CUDA, so a host can play all threads one after the other
// (tests/unit/gpu_threads.cpp).
#pragma once

#include <cstdint>

#include "gpu/unroll.hpp"
#include "runtime/data/dia_matrix.hpp"
#include "runtime/data/sell_matrix.hpp"
#include "runtime/data/sparse_matrix.hpp"
#include "runtime/data/view.hpp"

namespace tutti::gpu {

struct Thread {
  std::uint32_t t;
  std::uint32_t threads;
};

/// The values of a tile's local columns: its own rows, then those of other tiles part by part.
TUTTI_FUNCTION inline void fetch_columns(Thread me, const Columns<double>& x, double* local) {
  for (std::int64_t i = me.t; i < x.own_count; i += me.threads) local[i] = x.own[i];
  std::int64_t at = x.own_count;
  for (const ColumnPart& part : x.others) {
    const auto* values = static_cast<const double*>(part.values);
    for (std::uint32_t i = me.t; i < part.count; i += me.threads) local[at + i] = values[part.positions[i]];
    at += part.count;
  }
}

template <class Column>
TUTTI_FUNCTION double row_product(const CsrTile<double>& a, const Column* column, std::uint32_t row,
                                  const double* local) {
  double sum = 0;
  for (std::uint32_t k = a.first[row]; k < a.first[row + 1]; ++k) sum += a.value[k] * local[column[k]];
  return sum;
}

/// write(row, sum) for the products of the thread's rows.
template <class Write>
TUTTI_FUNCTION void multiply(Thread me, const CsrTile<double>& a, const double* local, const Write& write) {
  a.column.visit([&](const auto* column) {
    for (std::uint32_t row = me.t; row < a.rows; row += me.threads)
      write(row, row_product(a, column, row, local));
  });
}

/// Thread t has lane t % 8 of slices t / 8, t / 8 + threads / 8, ...: neighbouring threads read neighbouring
/// entries, eight of each of a warp's four slices.
template <class Write>
TUTTI_FUNCTION void multiply(Thread me, const SellTile<double>& a, const double* local, const Write& write) {
  constexpr std::uint32_t lanes = SellTile<double>::lanes;
  const std::uint32_t lane = me.t % lanes;
  a.column.visit([&](const auto* column) {
    for (std::uint32_t s = me.t / lanes; s < a.slices; s += me.threads / lanes) {
      const std::uint32_t row = a.order[std::size_t{s} * lanes + lane];
      double sum = 0;
      TUTTI_UNROLL_BY(9)
      for (std::uint32_t k = a.first[s] + lane; k < a.first[s + 1]; k += lanes)
        sum += a.value[k] * local[column[k]];
      if (row < a.rows) write(row, sum);
    }
  });
}

/// Row lanes s + l has lane l of every group of slice s. Each group has an entry of the matrix in some lane,
/// so its padding lies less than `lanes` before or behind the local columns: there local has zeros.
TUTTI_FUNCTION inline void add_products(const DiaTile<double>::Part& part, std::uint32_t begin,
                                        std::uint32_t end, std::uint32_t l, const double* local,
                                        double& sum) {
  for (std::uint32_t g = begin; g < end; ++g)
    sum += part.group(g)[l] * local[part.column[g] + static_cast<std::int32_t>(l)];
}

template <class Write>
TUTTI_FUNCTION void multiply(Thread me, const DiaTile<double>& a, const double* local, const Write& write) {
  constexpr std::uint32_t lanes = DiaTile<double>::lanes;
  for (std::uint32_t row = me.t; row < a.rows; row += me.threads) {
    const std::uint32_t s = row / lanes, l = row % lanes;
    double sum = 0;
    add_products(a.lower, a.lower.first[s], a.lower.first[s + 1], l, local, sum);
    sum += a.diagonal[row] * local[row];
    add_products(a.upper, a.upper.first[s], a.upper.first[s + 1], l, local, sum);
    add_products(a.outside, a.outside.first[s], a.outside.first[s + 1], l, local, sum);
    write(row, sum);
  }
}

/// Zeros before and behind `count` local values.
template <class Tile>
TUTTI_FUNCTION void clear_padding(Thread me, std::uint32_t count, double* local) {
  for (std::uint32_t i = me.t; i < Tile::lanes; i += me.threads) {
    local[static_cast<std::ptrdiff_t>(i) - static_cast<std::ptrdiff_t>(Tile::lanes)] = 0;
    local[count + i] = 0;
  }
}

/// The terms of x . y of the tile's rows replace the values of x: after all rows have been multiplied.
TUTTI_FUNCTION inline void dot_terms(Thread me, const double* y, std::uint32_t rows, double* local) {
  for (std::uint32_t row = me.t; row < rows; row += me.threads) local[row] *= y[row];
}

/// Lane l of the sum of terms, as in_lanes on the host.
TUTTI_FUNCTION inline double lane_sum(std::uint32_t l, const double* terms, std::uint32_t n) {
  double lane = 0;
  TUTTI_UNROLL_BY(8)
  for (std::uint32_t i = l; i < n; i += 8) lane += terms[i];
  return lane;
}

/// x += P xc for the thread's rows.
TUTTI_FUNCTION inline void prolong(Thread me, const CsrTile<double>& p, const double* local, double* x) {
  p.column.visit([&](const auto* column) {
    for (std::uint32_t row = me.t; row < p.rows; row += me.threads)
      for (std::uint32_t k = p.first[row]; k < p.first[row + 1]; ++k) x[row] += p.value[k] * local[column[k]];
  });
}

}  // namespace tutti::gpu
