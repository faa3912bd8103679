// Sums of a matrix' columns.
#pragma once

#include "kernels/launch.hpp"
#include "kernels/nn/nn.hpp"

namespace tutti::kernels::nn {

/// sums[c] += the sum of x(r, c) over the rows, in order.
template <class T>
void add_column_sums(const RowsShape& shape, const T* x, T* sums) {
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    const T* const row = x + r * shape.columns;
    TUTTI_INDEPENDENT
    for (std::int64_t c = 0; c < shape.columns; ++c) sums[c] += row[c];
  }
}

}  // namespace tutti::kernels::nn
