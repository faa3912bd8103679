// The sparse kernels in their plainest form, on whole matrices: the oracle of the fast bodies.
#pragma once

#include <cstdint>
#include <vector>

namespace tutti::kernels::reference {

struct Entry {
  std::int64_t row, column;
  double value;
};

/// Any entries, no two of them for the same place.
struct Matrix {
  std::int64_t rows = 0;
  std::vector<Entry> entries;
};

/// y = A x, a row's products added in the order of `entries`.
std::vector<double> multiply(const Matrix& a, const std::vector<double>& x);

/// A forward and a backward sweep of Gauss-Seidel over each range of rows [bounds[t], bounds[t + 1]) by
/// itself, by the definition: x_i = (r_i - sum over j != i of a_ij x_j) / a_ii, where x_j outside the range
/// keeps its value from before the sweep.
std::vector<double> gauss_seidel(const Matrix& a, const std::vector<std::int64_t>& bounds,
                                 const std::vector<double>& x, const std::vector<double>& r);

}  // namespace tutti::kernels::reference
