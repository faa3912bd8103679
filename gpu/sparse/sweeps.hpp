// Symmetric Gauss-Seidel on one tile by a block of threads, in the host's order: rows go in levels, each of
// which needs values of levels before it alone, so that all its rows are done at once and none sees another
// value than on the host. The arithmetic of a row is that of kernels/sparse: the same bits. Free of CUDA, as
// rows.hpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "gpu/sparse/rows.hpp"

namespace tutti::gpu {

/// Level v has the rows order[first[v]] ... order[first[v + 1] - 1].
struct Levels {
  const std::uint32_t* first;
  const std::uint32_t* order;
  std::uint32_t count;
};
/// Of a forward and a backward sweep.
struct SweepLevels {
  Levels forward, backward;
};

/// The same on the host.
struct LevelLists {
  std::vector<std::uint32_t> first, order;
};

/// Levels from each row's: rows of a level in increasing order.
inline LevelLists sort_levels(const std::vector<std::uint32_t>& level) {
  LevelLists lists;
  const std::uint32_t count = level.empty() ? 0 : *std::max_element(level.begin(), level.end()) + 1;
  lists.first.assign(count + 1, 0);
  for (const std::uint32_t v : level) ++lists.first[v + 1];
  for (std::uint32_t v = 0; v < count; ++v) lists.first[v + 1] += lists.first[v];
  std::vector<std::uint32_t> next(lists.first.begin(), lists.first.end());
  lists.order.resize(level.size());
  for (std::uint32_t row = 0; row < level.size(); ++row) lists.order[next[level[row]]++] = row;
  return lists;
}

/// The columns of row `row` in a part; its arrays are on the host.
template <class Visit>
void for_columns(const DiaTile<double>::Part& part, std::uint32_t row, const Visit& visit) {
  constexpr std::uint32_t lanes = DiaTile<double>::lanes;
  const std::uint32_t s = row / lanes, l = row % lanes;
  for (std::uint32_t g = part.first[s]; g < part.first[s + 1]; ++g)
    if (part.group(g)[l] != 0)
      visit(static_cast<std::uint32_t>(part.column[g] + static_cast<std::int32_t>(l)));
}

/// A row comes after the rows below the diagonal that it reads, and before those above it, of which it reads
/// the old values.
inline LevelLists forward_levels(const DiaTile<double>& a) {
  std::vector<std::uint32_t> level(a.rows);
  for (std::uint32_t row = 0; row < a.rows; ++row) {
    for_columns(a.lower, row, [&](std::uint32_t c) { level[row] = std::max(level[row], level[c] + 1); });
    for_columns(a.upper, row, [&](std::uint32_t c) { level[c] = std::max(level[c], level[row] + 1); });
  }
  return sort_levels(level);
}

/// A row comes after the rows above the diagonal; those below it are not read.
inline LevelLists backward_levels(const DiaTile<double>& a) {
  std::vector<std::uint32_t> level(a.rows);
  for (std::uint32_t row = a.rows; row-- > 0;)
    for_columns(a.upper, row, [&](std::uint32_t c) { level[row] = std::max(level[row], level[c] + 1); });
  return sort_levels(level);
}

/// x_row = (t - sum of what the row has in groups begin <= g < end) / diagonal; step is 1 forwards, -1
/// backwards. A slice with one such group, that of the row before, is done as the host does it.
template <int step>
TUTTI_FUNCTION double solve_row(const DiaTile<double>::Part& part, std::uint32_t begin, std::uint32_t end,
                                std::uint32_t row, double t, double inverse, const double* x) {
  constexpr std::uint32_t lanes = DiaTile<double>::lanes;
  const std::uint32_t l = row % lanes;
  if (end - begin == 1 && part.column[begin] == static_cast<std::int32_t>(row - l) - step) {
    const double right = t * inverse;
    const double coupling = part.group(begin)[l] * inverse;
    return right - coupling * x[static_cast<std::int64_t>(row) - step];
  }
  double sum = t;
  for (std::uint32_t g = begin; g < end; ++g)
    sum -= part.group(g)[l] * x[part.column[g] + static_cast<std::int32_t>(l)];
  return sum * inverse;
}

TUTTI_FUNCTION inline void subtract_products(const DiaTile<double>::Part& part, std::uint32_t begin,
                                             std::uint32_t end, std::uint32_t l, const double* local,
                                             double& t) {
  for (std::uint32_t g = begin; g < end; ++g)
    t -= part.group(g)[l] * local[part.column[g] + static_cast<std::int32_t>(l)];
}

/// The sum that a backward sweep takes of the groups before a row's inner ones, last group first.
TUTTI_FUNCTION inline double backward_sum(const DiaTile<double>& a, std::uint32_t row, const double* x) {
  constexpr std::uint32_t lanes = DiaTile<double>::lanes;
  const std::uint32_t s = row / lanes, l = row % lanes;
  double sum = 0;
  for (std::uint32_t g = a.upper.first[s + 1]; g-- > a.upper.inner[s];)
    sum += a.upper.group(g)[l] * x[a.upper.column[g] + static_cast<std::int32_t>(l)];
  return sum;
}

/// Row `row` of a sweep from z = 0, forwards: z holds the new values of rows before it.
TUTTI_FUNCTION inline void forward_from_zero(const DiaTile<double>& a, std::uint32_t row, const double* r,
                                             double* z) {
  constexpr std::uint32_t lanes = DiaTile<double>::lanes;
  const std::uint32_t s = row / lanes, l = row % lanes, inner = a.lower.inner[s];
  double t = r[row];
  subtract_products(a.lower, a.lower.first[s], inner, l, z, t);
  z[row] = solve_row<1>(a.lower, inner, a.lower.first[s + 1], row, t, 1.0 / a.diagonal[row], z);
}

/// Backwards: the values of rows behind it are the final ones.
TUTTI_FUNCTION inline void backward_from_zero(const DiaTile<double>& a, std::uint32_t row, double* z,
                                              double* out) {
  constexpr std::uint32_t lanes = DiaTile<double>::lanes;
  const std::uint32_t s = row / lanes;
  const double d = a.diagonal[row], sum = backward_sum(a, row, z);
  const double value =
      solve_row<-1>(a.upper, a.upper.first[s], a.upper.inner[s], row, d * z[row] - sum, 1.0 / d, z);
  z[row] = value;
  out[row] = value;
}

/// Row `row` of a sweep from x, forwards: z holds new values before it and old ones behind it and outside.
TUTTI_FUNCTION inline void forward_from(const DiaTile<double>& a, std::uint32_t row, const double* r,
                                        double* z, double* change) {
  constexpr std::uint32_t lanes = DiaTile<double>::lanes;
  const std::uint32_t s = row / lanes, l = row % lanes, inner = a.lower.inner[s];
  const double old = z[row];
  double t = r[row];
  subtract_products(a.outside, a.outside.first[s], a.outside.first[s + 1], l, z, t);
  subtract_products(a.upper, a.upper.first[s], a.upper.first[s + 1], l, z, t);
  subtract_products(a.lower, a.lower.first[s], inner, l, z, t);
  const double value = solve_row<1>(a.lower, inner, a.lower.first[s + 1], row, t, 1.0 / a.diagonal[row], z);
  z[row] = value;
  change[row] = value - old;
}

/// Backwards: what the rows behind it have changed by in both sweeps.
TUTTI_FUNCTION inline void backward_from(const DiaTile<double>& a, std::uint32_t row, const double* z,
                                         double* change, double* out) {
  constexpr std::uint32_t lanes = DiaTile<double>::lanes;
  const std::uint32_t s = row / lanes;
  const double d = a.diagonal[row], forwards = change[row], sum = backward_sum(a, row, change);
  const double value =
      solve_row<-1>(a.upper, a.upper.first[s], a.upper.inner[s], row, d * forwards - sum, 1.0 / d, change);
  change[row] = value;
  out[row] = z[row] + (value - forwards);
}

/// visit(row) for the thread's rows, level by level, with a barrier behind each.
template <class Visit, class Barrier>
TUTTI_FUNCTION void for_levels(Thread me, const Levels& levels, const Visit& visit, const Barrier& barrier) {
  for (std::uint32_t v = 0; v < levels.count; ++v) {
    for (std::uint32_t i = levels.first[v] + me.t; i < levels.first[v + 1]; i += me.threads)
      visit(levels.order[i]);
    barrier();
  }
}

}  // namespace tutti::gpu
