// The stencils as naive triple loops over plain arrays: the oracle of the fast bodies, equal to the bit.
#pragma once

#include <cstdint>
#include <vector>

namespace tutti::kernels::reference {

/// n0 x n1 x n2 cells with `ghosts` more on every side of each dimension; dimension 2 is contiguous.
struct Array {
  std::int64_t n0, n1, n2, ghosts;
  std::vector<double> cells;
  Array(std::int64_t n0, std::int64_t n1, std::int64_t n2, std::int64_t ghosts)
      : n0(n0),
        n1(n1),
        n2(n2),
        ghosts(ghosts),
        cells(static_cast<std::size_t>((n0 + 2 * ghosts) * (n1 + 2 * ghosts) * (n2 + 2 * ghosts))) {}
  /// Cell (i, j, k); the ghosts have indices below 0 and from n0, n1, n2 on.
  double& at(std::int64_t i, std::int64_t j, std::int64_t k) { return cells[place(i, j, k)]; }
  double at(std::int64_t i, std::int64_t j, std::int64_t k) const { return cells[place(i, j, k)]; }

 private:
  std::size_t place(std::int64_t i, std::int64_t j, std::int64_t k) const {
    return static_cast<std::size_t>(((i + ghosts) * (n1 + 2 * ghosts) + j + ghosts) * (n2 + 2 * ghosts) + k +
                                    ghosts);
  }
};

void heat5(const Array& u, Array& next, double r);
void heat7(const Array& u, Array& next, double r);
void heat27(const Array& u, Array& next, double r);
void wave2(const Array& u, Array& previous, double c);  ///< previous becomes the next field
void wave8(const Array& u, Array& previous, double c);

}  // namespace tutti::kernels::reference
