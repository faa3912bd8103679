// Initial conditions, checks and wrappers around the stencil kernels.
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "kernels/kokkos.hpp"
#include "kernels/stencil/cells.hpp"
#include "kernels/stencil/stencil.hpp"
#include "runtime/data/mix.hpp"
#include "runtime/error.hpp"

namespace tutti::kernels {
namespace {

constexpr double pi = std::numbers::pi;

void check(const SineMode& mode) {
  for (int d = 0; d < 3; ++d)
    if (mode.extents[d] < 1 || mode.modes[d] < 0)
      usage_error(
          "sine mode: dimension {} has extent {} and mode {}; extents are positive, modes not negative", d,
          mode.extents[d], mode.modes[d]);
}

// The phase advances by pi * numerator / denominator from cell to cell of dimension d.
double phase(const SineMode& mode, int d, std::int64_t cell) {
  const std::int64_t period = mode.periodic ? mode.extents[d] : 2 * (mode.extents[d] + 1);
  const std::int64_t turns =
      (mode.modes[d] % period) * (cell % period) % period;  // exact: no large arguments
  return 2 * pi * static_cast<double>(turns) / static_cast<double>(period);
}

// One table of sines per dimension, from the same code on every rank.
struct Sines {
  std::array<std::vector<double>, 3> table;

  explicit Sines(const SineMode& mode) {
    check(mode);
    for (int d = 0; d < 3; ++d) {
      auto& t = table[d];
      t.assign(static_cast<std::size_t>(mode.extents[d]), 1.0);
      if (mode.modes[d] != 0)
        for (std::int64_t i = 0; i < mode.extents[d]; ++i)
          t[static_cast<std::size_t>(i)] = std::sin(phase(mode, d, mode.periodic ? i : i + 1));
    }
  }
  double across(std::int64_t i, std::int64_t j) const {
    return table[0][static_cast<std::size_t>(i)] * table[1][static_cast<std::size_t>(j)];
  }
};

struct WriteMode {
  std::shared_ptr<const Sines> sines;
  double amplitude;
  void operator()(Out<double> u) const {
    const double* along = sines->table[2].data() + u.box.lo[2];
    for (std::int64_t i = 0; i < u.extent(0); ++i)
      for (std::int64_t j = 0; j < u.extent(1); ++j) {
        const double a = sines->across(u.box.lo[0] + i, u.box.lo[1] + j);
        double* row = u.row(i, j);
        for (std::int64_t k = 0; k < u.extent(2); ++k) row[k] = amplitude * (a * along[k]);
      }
  }
};

// The bits of |x|, ordered like |x|, with NaN above all numbers: a maximum that NaN cannot slip through.
std::uint64_t magnitude(double x) { return std::bit_cast<std::uint64_t>(x) & 0x7fffffffffffffffULL; }
double from_magnitude(std::uint64_t bits) {
  const double x = std::bit_cast<double>(bits);
  return std::isnan(x) ? std::numeric_limits<double>::infinity() : x;
}

struct ModeError {
  std::shared_ptr<const Sines> sines;
  double factor;
  double operator()(In<double> u) const {
    const double* along = sines->table[2].data() + u.box.lo[2];
    std::uint64_t worst = 0;
    for (std::int64_t i = 0; i < u.extent(0); ++i)
      for (std::int64_t j = 0; j < u.extent(1); ++j) {
        const double a = sines->across(u.box.lo[0] + i, u.box.lo[1] + j);
        const double* row = u.row(i, j);
        for (std::int64_t k = 0; k < u.extent(2); ++k)
          worst = std::max(worst, magnitude(row[k] - factor * (a * along[k])));
      }
    return from_magnitude(worst);
  }
};

struct MaxAbs {
  double operator()(In<double> u) const {
    std::uint64_t worst = 0;
    for (std::int64_t i = 0; i < u.extent(0); ++i)
      for (std::int64_t j = 0; j < u.extent(1); ++j) {
        const double* row = u.row(i, j);
        for (std::int64_t k = 0; k < u.extent(2); ++k) worst = std::max(worst, magnitude(row[k]));
      }
    return from_magnitude(worst);
  }
};

struct SumCells {
  double operator()(In<double> u) const {
    std::array<double, 8> lane{};
    const std::int64_t n = u.extent(2), whole = n / 8 * 8;
    for (std::int64_t i = 0; i < u.extent(0); ++i)
      for (std::int64_t j = 0; j < u.extent(1); ++j) {
        const double* row = u.row(i, j);
        for (std::int64_t k = 0; k < whole; k += 8)
          for (std::size_t l = 0; l < 8; ++l) lane[l] += row[k + static_cast<std::int64_t>(l)];
        for (std::int64_t k = whole; k < n; ++k) lane[static_cast<std::size_t>(k - whole)] += row[k];
      }
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
  }
};

struct Checksum {
  Index3 extents;
  std::uint64_t operator()(In<double> u) const {
    std::uint64_t sum = 0;
    for (std::int64_t i = 0; i < u.extent(0); ++i)
      for (std::int64_t j = 0; j < u.extent(1); ++j) {
        const double* row = u.row(i, j);
        const auto first = static_cast<std::uint64_t>(
            ((u.box.lo[0] + i) * extents[1] + u.box.lo[1] + j) * extents[2] + u.box.lo[2]);
        for (std::int64_t k = 0; k < u.extent(2); ++k) {
          const std::uint64_t place = (first + static_cast<std::uint64_t>(k) + 1) * mix_increment;
          sum += mix(std::bit_cast<std::uint64_t>(row[k]) ^ mix(place));
        }
      }
    return sum;
  }
};

struct Fill {
  double value;
  void operator()(Out<double> u) const {
    for (std::int64_t i = 0; i < u.extent(0); ++i)
      for (std::int64_t j = 0; j < u.extent(1); ++j) std::fill_n(u.row(i, j), u.extent(2), value);
  }
};

struct Delay {
  Kernel inner;
  std::chrono::nanoseconds spin;
  std::uint32_t ranks;

  void wait(const Task& task) const {
    if (!task.first_of_rank || task.step % ranks != task.rank.value) return;
    const auto end = std::chrono::steady_clock::now() + spin;
    while (std::chrono::steady_clock::now() < end) {
    }
  }
  static void tile(const void* self, const Task& task, const Argument* arguments, void* result) {
    const auto& d = *static_cast<const Delay*>(self);
    d.wait(task);
    d.inner.tile(d.inner.functor.get(), task, arguments, result);
  }
};

// Angle between neighbouring cells in dimension d.
double angle(const SineMode& mode, int d) { return phase(mode, d, 1); }

double squared(double x) { return x * x; }

}  // namespace

Stores choose_stores(Stores asked, std::uint64_t field_bytes, std::uint64_t cache_bytes) {
  if (asked != Stores::automatic) return asked;
  return field_bytes > cache_bytes / 2 ? Stores::streaming : Stores::cached;
}

Kernel sine_mode(const SineMode& mode, double amplitude) {
  return with_kokkos(
      make_kernel("sine_mode", WriteMode{std::make_shared<const Sines>(mode), amplitude}, {2, 8}));
}
Kernel sine_mode_error(const SineMode& mode, double factor) {
  return make_kernel("sine_mode_error", ModeError{std::make_shared<const Sines>(mode), factor}, {4, 8});
}

double heat_mode_factor(int points, const SineMode& mode, double r, std::int64_t step) {
  check(mode);
  double growth = 1;
  if (points == 5 || points == 7) {
    for (int d = 0; d < 3; ++d) growth -= 4 * r * squared(std::sin(angle(mode, d) / 2));
  } else if (points == 27) {
    const double a = std::cos(angle(mode, 0)), b = std::cos(angle(mode, 1)), c = std::cos(angle(mode, 2));
    growth += r / 30 * (28 * (a + b + c) + 12 * (a * b + b * c + c * a) + 8 * (a * b * c) - 128);
  } else {
    usage_error("heat_mode_factor: {} points; there are heat kernels of 5, 7 and 27 points", points);
  }
  return std::pow(growth, static_cast<double>(step));
}

double wave_mode_factor(int order, const SineMode& mode, double c, std::int64_t step) {
  check(mode);
  double half_symbol = 0;  // of -h^2 laplacian
  for (int d = 0; d < 3; ++d) {
    const double t = angle(mode, d);
    if (order == 2) {
      half_symbol += 2 * squared(std::sin(t / 2));
    } else if (order == 8) {
      // the weights sum to 0, so each cosine may be replaced by cos - 1 = -2 sin^2: nothing cancels
      for (int m = 1; m <= 4; ++m) half_symbol += 2 * Wave8Cell::weight[m] * squared(std::sin(m * t / 2));
    } else {
      usage_error("wave_mode_factor: order {}; there are wave kernels of orders 2 and 8", order);
    }
  }
  // cos(theta) = 1 - c^2 S/2 <=> sin^2(theta/2) = c^2 S/4, which keeps its digits for small angles
  const double theta = 2 * std::asin(c * std::sqrt(half_symbol / 2));
  return std::cos(static_cast<double>(step) * theta);
}

Kernel max_abs() { return make_kernel("max_abs", MaxAbs{}, {1, 8}); }
Kernel sum_cells() { return make_kernel("sum_cells", SumCells{}, {1, 8}); }
Kernel checksum(const Index3& extents) { return make_kernel("checksum", Checksum{extents}, {0, 8}); }
Kernel fill(double value) { return with_kokkos(make_kernel("fill", Fill{value}, {0, 8})); }

Kernel delayed(Kernel kernel, double delay_us, std::uint32_t ranks) {
  if (!(delay_us >= 0) || ranks == 0)
    usage_error("delayed({}): {} us on {} ranks; the delay is not negative and there is at least one rank",
                kernel.name, delay_us, ranks);
  Kernel k = kernel;
  k.name += "+delay";
  k.tile = &Delay::tile;
  k.functor_type = &typeid(Delay);
  const auto spin = std::chrono::nanoseconds(static_cast<std::int64_t>(delay_us * 1e3));
  k.functor = std::make_shared<const Delay>(Delay{std::move(kernel), spin, ranks});
  return k;
}

}  // namespace tutti::kernels
