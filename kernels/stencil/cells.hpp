// The arithmetic of one cell, written once. A cell functor is given `at`, where at(a, b, c) is the value of
// the field a, b, c cells away along dimensions 0, 1, 2, and returns the cell's new value. `at` may return a
// double or a vector of doubles: the operations and their order are the same for every element, so every
// launcher gives the same bits (as long as nothing contracts a product and a sum: -ffp-contract=off).
#pragma once

#include "runtime/data/view.hpp"

namespace tutti::kernels {

/// 5-point heat in dimensions 1 and 2: u + r (sum of 4 neighbours - 4 u).
struct Heat5Cell {
  static constexpr int radius = 1;
  static constexpr int planes = 0;  ///< how far it reads along dimension 0
  static constexpr Shape shape = Shape::faces;
  double r;
  template <class At>
  TUTTI_FUNCTION auto operator()(const At& at) const {
    const auto u = at(0, 0, 0);
    const auto sum = (at(0, -1, 0) + at(0, 1, 0)) + (at(0, 0, -1) + at(0, 0, 1));
    return u + r * (sum - 4.0 * u);
  }
};

/// The sum of the six face neighbours minus six times the cell: h^2 times the 7-point Laplacian.
template <class At>
TUTTI_FUNCTION auto laplacian7(const At& at) {
  const auto sum =
      ((at(-1, 0, 0) + at(1, 0, 0)) + (at(0, -1, 0) + at(0, 1, 0))) + (at(0, 0, -1) + at(0, 0, 1));
  return sum - 6.0 * at(0, 0, 0);
}

/// 7-point heat: u + r laplacian7(u).
struct Heat7Cell {
  static constexpr int radius = 1;
  static constexpr int planes = 1;
  static constexpr Shape shape = Shape::faces;
  double r;
  template <class At>
  TUTTI_FUNCTION auto operator()(const At& at) const {
    return at(0, 0, 0) + r * laplacian7(at);
  }
};

/// 27-point heat: u + r/30 (14 faces + 3 edges + corners - 128 u).
struct Heat27Cell {
  static constexpr int radius = 1;
  static constexpr int planes = 1;
  static constexpr Shape shape = Shape::box;
  double r;
  template <class At>
  TUTTI_FUNCTION auto operator()(const At& at) const {
    // neighbours in the cross-section of a column k: itself, its 4 sides, its 4 corners
    const auto sides = [&](int k) { return (at(-1, 0, k) + at(1, 0, k)) + (at(0, -1, k) + at(0, 1, k)); };
    const auto corners = [&](int k) { return (at(-1, -1, k) + at(-1, 1, k)) + (at(1, -1, k) + at(1, 1, k)); };
    const auto u = at(0, 0, 0);
    const auto faces = sides(0) + (at(0, 0, -1) + at(0, 0, 1));
    const auto edges = corners(0) + (sides(-1) + sides(1));
    const auto far = corners(-1) + corners(1);
    return u + r * (1.0 / 30.0) * ((14.0 * faces + 3.0 * edges) + (far - 128.0 * u));
  }
};

/// Leapfrog for the wave equation with the 7-point Laplacian: 2 u - previous + c^2 laplacian7(u).
struct Wave2Cell {
  static constexpr int radius = 1;
  static constexpr int planes = 1;
  static constexpr Shape shape = Shape::faces;
  double c2;  ///< square of the Courant number
  template <class At, class Value>
  TUTTI_FUNCTION auto operator()(const At& at, const Value& previous) const {
    return (2.0 * at(0, 0, 0) - previous) + c2 * laplacian7(at);
  }
};

/// Leapfrog with the Laplacian of eighth order (radius 4).
struct Wave8Cell {
  static constexpr int radius = 4;
  static constexpr int planes = 4;
  static constexpr Shape shape = Shape::faces;
  static constexpr double weight[5] = {-205.0 / 72.0, 8.0 / 5.0, -1.0 / 5.0, 8.0 / 315.0, -1.0 / 560.0};
  double c2;
  template <class At, class Value>
  TUTTI_FUNCTION auto operator()(const At& at, const Value& previous) const {
    const auto ring = [&](int m) {
      return ((at(-m, 0, 0) + at(m, 0, 0)) + (at(0, -m, 0) + at(0, m, 0))) + (at(0, 0, -m) + at(0, 0, m));
    };
    constexpr double w0 = 3.0 * weight[0], w1 = weight[1], w2 = weight[2], w3 = weight[3], w4 = weight[4];
    const auto u = at(0, 0, 0);
    const auto laplacian = ((w0 * u + w1 * ring(1)) + (w2 * ring(2) + w3 * ring(3))) + w4 * ring(4);
    return (2.0 * u - previous) + c2 * laplacian;
  }
};

}  // namespace tutti::kernels
