#include "kernels/stencil/reference.hpp"

// Written out term by term on purpose, apart from cells.hpp, in the same order of operations.
namespace tutti::kernels::reference {
namespace {

template <class Value>
void each_cell(Array& out, Value value) {
  for (std::int64_t i = 0; i < out.n0; ++i)
    for (std::int64_t j = 0; j < out.n1; ++j)
      for (std::int64_t k = 0; k < out.n2; ++k) out.at(i, j, k) = value(i, j, k);
}

// The six cells m away along one dimension.
double six(const Array& u, std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t m) {
  return ((u.at(i - m, j, k) + u.at(i + m, j, k)) + (u.at(i, j - m, k) + u.at(i, j + m, k))) +
         (u.at(i, j, k - m) + u.at(i, j, k + m));
}

}  // namespace

void heat5(const Array& u, Array& next, double r) {
  each_cell(next, [&](auto i, auto j, auto k) {
    const double sum = (u.at(i, j - 1, k) + u.at(i, j + 1, k)) + (u.at(i, j, k - 1) + u.at(i, j, k + 1));
    return u.at(i, j, k) + r * (sum - 4.0 * u.at(i, j, k));
  });
}

void heat7(const Array& u, Array& next, double r) {
  each_cell(next, [&](auto i, auto j, auto k) {
    return u.at(i, j, k) + r * (six(u, i, j, k, 1) - 6.0 * u.at(i, j, k));
  });
}

void heat27(const Array& u, Array& next, double r) {
  each_cell(next, [&](auto i, auto j, auto k) {
    double side[3], corner[3];
    for (int c = 0; c < 3; ++c) {
      const auto q = k + c - 1;
      side[c] = (u.at(i - 1, j, q) + u.at(i + 1, j, q)) + (u.at(i, j - 1, q) + u.at(i, j + 1, q));
      corner[c] =
          (u.at(i - 1, j - 1, q) + u.at(i - 1, j + 1, q)) + (u.at(i + 1, j - 1, q) + u.at(i + 1, j + 1, q));
    }
    const double faces = side[1] + (u.at(i, j, k - 1) + u.at(i, j, k + 1));
    const double edges = corner[1] + (side[0] + side[2]);
    const double corners = corner[0] + corner[2];
    return u.at(i, j, k) +
           r * (1.0 / 30.0) * ((14.0 * faces + 3.0 * edges) + (corners - 128.0 * u.at(i, j, k)));
  });
}

void wave2(const Array& u, Array& previous, double c) {
  const double c2 = c * c;
  each_cell(previous, [&](auto i, auto j, auto k) {
    return (2.0 * u.at(i, j, k) - previous.at(i, j, k)) + c2 * (six(u, i, j, k, 1) - 6.0 * u.at(i, j, k));
  });
}

void wave8(const Array& u, Array& previous, double c) {
  const double c2 = c * c;
  each_cell(previous, [&](auto i, auto j, auto k) {
    const double near = 3.0 * (-205.0 / 72.0) * u.at(i, j, k) + 8.0 / 5.0 * six(u, i, j, k, 1);
    const double middle = -1.0 / 5.0 * six(u, i, j, k, 2) + 8.0 / 315.0 * six(u, i, j, k, 3);
    const double laplacian = (near + middle) + -1.0 / 560.0 * six(u, i, j, k, 4);
    return (2.0 * u.at(i, j, k) - previous.at(i, j, k)) + c2 * laplacian;
  });
}

}  // namespace tutti::kernels::reference
