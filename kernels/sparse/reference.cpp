#include "kernels/sparse/reference.hpp"

namespace tutti::kernels::reference {

std::vector<double> multiply(const Matrix& a, const std::vector<double>& x) {
  std::vector<double> y(static_cast<std::size_t>(a.rows));
  for (const Entry& e : a.entries)
    y[static_cast<std::size_t>(e.row)] += e.value * x[static_cast<std::size_t>(e.column)];
  return y;
}

std::vector<double> gauss_seidel(const Matrix& a, const std::vector<std::int64_t>& bounds,
                                 const std::vector<double>& x, const std::vector<double>& r) {
  std::vector<double> z = x;
  for (std::size_t t = 0; t + 1 < bounds.size(); ++t) {
    const std::int64_t lo = bounds[t], hi = bounds[t + 1];
    const auto relax = [&](std::int64_t i) {
      double sum = r[static_cast<std::size_t>(i)], diagonal = 0;
      for (const Entry& e : a.entries) {
        if (e.row != i) continue;
        const bool inside = e.column >= lo && e.column < hi;
        if (e.column == i)
          diagonal = e.value;
        else
          sum -= e.value * (inside ? z : x)[static_cast<std::size_t>(e.column)];
      }
      z[static_cast<std::size_t>(i)] = sum / diagonal;
    };
    for (std::int64_t i = lo; i < hi; ++i) relax(i);
    for (std::int64_t i = hi; i-- > lo;) relax(i);
  }
  return z;
}

}  // namespace tutti::kernels::reference
