// A tile's values by local column, in memory of the calling thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "runtime/data/view.hpp"

namespace tutti::kernels {

/// Memory of the calling thread that grows to the largest tile and is kept.
inline double* scratch(std::size_t n) {
  thread_local std::vector<double> memory;
  if (memory.size() < n) memory.resize(n);
  return memory.data();
}

/// Writes the values of all local columns to `to`.
inline void fetch_columns(const Columns<double>& x, double* to) {
  if (x.own_count > 0) std::copy_n(x.own, x.own_count, to);
  x.gather_others(to + x.own_count);
}

}  // namespace tutti::kernels
