// Stencil kernels: equal to the serial reference to the bit, and to their analytic solutions.
#include "kernels/stencil.hpp"

#include <bit>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/stencil/reference.hpp"

namespace {

using namespace tutti;
using namespace tutti::kernels;
using reference::Array;

// A field with 4 ghosts and rows that start at cache lines, as a store lays it out; `skew` cells off on
// demand.
class Block {
 public:
  static constexpr std::int64_t ghosts = 4;
  explicit Block(Index3 extents, std::int64_t skew = 0)
      : extents_(extents),
        stride1_((extents[2] + 2 * ghosts + 8 + 7) / 8 * 8),
        stride0_(stride1_ * (extents[1] + 2 * ghosts)),
        memory_(static_cast<std::size_t>(stride0_ * (extents[0] + 2 * ghosts) + 32), 0.0) {
    auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    first_ = memory_.data() + (64 - address % 64) % 64 / 8 + skew + ghosts * (stride0_ + stride1_) + 8;
  }
  Argument cells(const Box& b) { return {&at(b.lo[0], b.lo[1], b.lo[2]), stride0_, stride1_, b, 0}; }
  Argument all() { return cells({{0, 0, 0}, extents_}); }
  double& at(std::int64_t i, std::int64_t j, std::int64_t k) {
    return first_[i * stride0_ + j * stride1_ + k];
  }
  const Index3& extents() const { return extents_; }

  template <class Value>
  void each(std::int64_t beyond, Value value) {  // also the ghosts
    for (std::int64_t i = -beyond; i < extents_[0] + beyond; ++i)
      for (std::int64_t j = -beyond; j < extents_[1] + beyond; ++j)
        for (std::int64_t k = -beyond; k < extents_[2] + beyond; ++k) at(i, j, k) = value(i, j, k);
  }
  void wrap() {  // periodic ghosts
    each(ghosts, [&](auto i, auto j, auto k) {
      const auto in = [](std::int64_t x, std::int64_t n) { return ((x % n) + n) % n; };
      return at(in(i, extents_[0]), in(j, extents_[1]), in(k, extents_[2]));
    });
  }
  void zero_ghosts() {
    each(ghosts, [&](auto i, auto j, auto k) {
      const bool inside = i >= 0 && i < extents_[0] && j >= 0 && j < extents_[1] && k >= 0 && k < extents_[2];
      return inside ? at(i, j, k) : 0.0;
    });
  }

 private:
  Index3 extents_;
  std::int64_t stride1_, stride0_;
  std::vector<double> memory_;
  double* first_ = nullptr;
};

std::vector<Box> tiling(const Index3& extents, const Index3& tile) {
  std::vector<Box> boxes;
  for (std::int64_t i = 0; i < extents[0]; i += tile[0])
    for (std::int64_t j = 0; j < extents[1]; j += tile[1])
      for (std::int64_t k = 0; k < extents[2]; k += tile[2])
        boxes.push_back(
            intersect({{i, j, k}, {i + tile[0], j + tile[1], k + tile[2]}}, {{0, 0, 0}, extents}));
  return boxes;
}

void run(const Kernel& kernel, bool through_kokkos, const std::vector<Box>& boxes,
         const std::vector<Block*>& fields, void* result = nullptr) {
  for (const Box& b : boxes) {
    std::vector<Argument> arguments;
    arguments.reserve(fields.size());
    for (Block* f : fields) arguments.push_back(f->cells(b));
    Task task;
    task.box = b;
    if (through_kokkos)
      kernel.kokkos(kernel, task, arguments.data());
    else
      kernel.tile(kernel.functor.get(), task, arguments.data(), result);
  }
}

template <class T>
T value_of(const Kernel& kernel, Block& field) {
  T result{};
  run(kernel, false, {field.all().box}, {&field}, &result);
  return result;
}

struct Case {
  const char* name;
  Kernel (*make)(double, Stores);
  void (*reference)(const Array&, Array&, double);
  double parameter;
  bool flat;  // only dimensions 1 and 2
};
const Case cases[] = {
    {"heat5", heat5, reference::heat5, 0.23, true},     {"heat7", heat7, reference::heat7, 0.13, false},
    {"heat27", heat27, reference::heat27, 0.21, false}, {"wave2", wave2, reference::wave2, 0.51, false},
    {"wave8", wave8, reference::wave8, 0.37, false},
};

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

// Runs the case tile by tile, or through Kokkos, and counts cells that differ from the reference.
std::int64_t differing(const Case& c, const Kernel& kernel, bool through_kokkos, Index3 n, const Index3& tile,
                       std::int64_t skew) {
  if (c.flat) n[0] = 1;
  std::mt19937_64 random(n[0] * 10000 + n[1] * 100 + n[2]);
  std::uniform_real_distribution<double> uniform(-1, 1);
  Block u(n, skew), out(n, skew);
  Array ru(n[0], n[1], n[2], Block::ghosts), rout(n[0], n[1], n[2], Block::ghosts);
  u.each(Block::ghosts, [&](auto i, auto j, auto k) { return ru.at(i, j, k) = uniform(random); });
  out.each(Block::ghosts, [&](auto i, auto j, auto k) { return rout.at(i, j, k) = uniform(random); });
  c.reference(ru, rout, c.parameter);
  run(kernel, through_kokkos, tiling(n, tile), {&u, &out});
  std::int64_t count = 0;  // ghosts must be as they were
  for (std::int64_t i = -Block::ghosts; i < n[0] + Block::ghosts; ++i)
    for (std::int64_t j = -Block::ghosts; j < n[1] + Block::ghosts; ++j)
      for (std::int64_t k = -Block::ghosts; k < n[2] + Block::ghosts; ++k)
        if (!same_bits(out.at(i, j, k), rout.at(i, j, k))) ++count;
  return count;
}

TEST(Stencil, EqualsReferenceToTheBit) {
  for (const Case& c : cases)
    for (const Stores stores : {Stores::cached, Stores::streaming})
      for (const Index3 n :
           {Index3{1, 1, 1}, Index3{2, 3, 7}, Index3{5, 4, 8}, Index3{9, 7, 33}, Index3{13, 11, 70}})
        for (const Index3 tile :
             {Index3{100, 100, 100}, Index3{1, 1, 8}, Index3{4, 3, 16}, Index3{5, 2, 100}, Index3{8, 8, 3}})
          for (const std::int64_t skew : {0, 3}) {
            const Kernel kernel = c.make(c.parameter, stores);
            EXPECT_EQ(differing(c, kernel, false, n, tile, skew), 0)
                << c.name << " streaming " << (stores == Stores::streaming) << " extents " << n[0] << "x"
                << n[1] << "x" << n[2] << " tile " << tile[0] << "x" << tile[1] << "x" << tile[2] << " skew "
                << skew;
          }
}

TEST(Stencil, KokkosBodyEqualsReferenceToTheBit) {
  if (kokkos_body() == nullptr) GTEST_SKIP() << "built without Kokkos";
  kokkos_initialize(2);
  for (const Case& c : cases)
    for (const Stores stores : {Stores::cached, Stores::streaming}) {
      const Kernel kernel = c.make(c.parameter, stores);
      ASSERT_NE(kernel.kokkos, nullptr) << c.name;
      for (const Index3 n : {Index3{3, 5, 9}, Index3{10, 70, 41}})
        EXPECT_EQ(differing(c, kernel, true, n, {100, 100, 100}, 0), 0) << c.name;
    }
  kokkos_finalize();
}

TEST(Stencil, ContractsNameTheirAccesses) {
  const Kernel heat = heat27(0.1);
  ASSERT_EQ(heat.parameters.size(), 2U);
  EXPECT_EQ(heat.parameters[0].shape, Shape::box);
  EXPECT_EQ(heat.parameters[1].mode, Mode::write);
  const Kernel wave = wave8(0.1);
  EXPECT_EQ(wave.parameters[0].radius, 4);
  EXPECT_EQ(wave.parameters[0].shape, Shape::faces);
  EXPECT_EQ(wave.parameters[1].mode, Mode::update);
  EXPECT_EQ(checksum({1, 1, 1}).result, element_type<std::uint64_t>());
}

// 50 steps from an eigenmode; the error against the analytic factor.
double heat_error(int points, const SineMode& mode, double r, int steps) {
  const Kernel kernel = points == 5 ? heat5(r) : points == 7 ? heat7(r) : heat27(r);
  Block a(mode.extents), b(mode.extents);
  Block *u = &a, *next = &b;
  run(sine_mode(mode, 1), false, {u->all().box}, {u});
  for (int s = 0; s < steps; ++s) {
    if (mode.periodic) u->wrap();
    run(kernel, false, {u->all().box}, {u, next});
    std::swap(u, next);
  }
  return value_of<double>(sine_mode_error(mode, heat_mode_factor(points, mode, r, steps)), *u);
}

TEST(Stencil, HeatEigenmodes) {
  EXPECT_LT(heat_error(5, {{1, 21, 34}, {0, 2, 3}}, 0.24, 50), 5e-14);
  EXPECT_LT(heat_error(5, {{1, 20, 34}, {0, 2, 3}, true}, 0.24, 50), 5e-14);
  EXPECT_LT(heat_error(7, {{16, 21, 34}, {1, 2, 3}}, 0.16, 50), 5e-14);
  EXPECT_LT(heat_error(7, {{16, 20, 34}, {1, 2, 3}, true}, 0.16, 50), 5e-14);
  EXPECT_LT(heat_error(27, {{16, 21, 34}, {1, 2, 3}}, 0.3, 50), 5e-14);
  EXPECT_LT(heat_error(27, {{16, 20, 34}, {1, 2, 3}, true}, 0.3, 50), 5e-14);
  EXPECT_GT(heat_error(7, {{16, 20, 34}, {1, 2, 3}, true}, 0.17 + 0.1, 500), 1e-3) << "beyond stability";
}

double wave_error(int order, const SineMode& mode, double c, int steps) {
  const Kernel kernel = order == 2 ? wave2(c) : wave8(c);
  Block a(mode.extents), b(mode.extents);
  Block *u = &a, *previous = &b;
  run(sine_mode(mode, 1), false, {u->all().box}, {u});
  const Kernel before = sine_mode(mode, wave_mode_factor(order, mode, c, -1));
  run(before, false, {u->all().box}, {previous});
  for (int s = 0; s < steps; ++s) {
    if (mode.periodic) u->wrap();
    run(kernel, false, {u->all().box}, {u, previous});
    std::swap(u, previous);
  }
  return value_of<double>(sine_mode_error(mode, wave_mode_factor(order, mode, c, steps)), *u);
}

TEST(Stencil, WaveEigenmodes) {
  EXPECT_LT(wave_error(2, {{16, 21, 34}, {1, 2, 3}}, 0.5, 50), 5e-14);
  EXPECT_LT(wave_error(2, {{16, 20, 34}, {1, 2, 3}, true}, 0.5, 50), 5e-14);
  EXPECT_LT(wave_error(8, {{16, 20, 34}, {1, 2, 3}, true}, 0.45, 50), 5e-14);
}

// Halving h divides the error by 2^p.
double order_of(double coarse, double fine) { return std::log2(coarse / fine); }

TEST(Stencil, HeatIsOfSecondOrder) {
  // u_t = laplacian u on the unit cube, to time 0.02 with r = 0.12, against exp(-3 pi^2 t) phi.
  const auto error = [](int cells, int points) {
    const SineMode mode{{cells - 1, cells - 1, cells - 1}, {1, 1, 1}};
    const double r = 0.12, t = 0.02;
    const auto steps = static_cast<int>(std::lround(t * cells * cells / r));
    const double time = steps * r / cells / cells;
    const Kernel kernel = points == 7 ? heat7(r) : heat27(r);
    Block a(mode.extents), b(mode.extents);
    Block *u = &a, *next = &b;
    run(sine_mode(mode, 1), false, {u->all().box}, {u});
    for (int s = 0; s < steps; ++s, std::swap(u, next)) run(kernel, false, {u->all().box}, {u, next});
    return value_of<double>(sine_mode_error(mode, std::exp(-3 * M_PI * M_PI * time)), *u);
  };
  for (const int points : {7, 27})
    EXPECT_NEAR(order_of(error(12, points), error(24, points)), 2, 0.1) << points;
}

// Error of one application of the Laplacian to a periodic sine, relative to -k^2: with previous = 2 u and
// c = 1 the kernel leaves h^2 laplacian(u).
TEST(Stencil, WaveLaplaciansHaveTheirOrder) {
  const auto error = [](Kernel (*make)(double, Stores), std::int64_t cells) {
    const SineMode mode{{cells, cells, cells}, {1, 1, 1}, true};
    const Kernel kernel = make(1.0, Stores::cached);
    Block u(mode.extents), previous(mode.extents);
    run(sine_mode(mode, 1), false, {u.all().box}, {&u});
    u.wrap();
    previous.each(0, [&](auto i, auto j, auto k) { return 2 * u.at(i, j, k); });
    run(kernel, false, {u.all().box}, {&u, &previous});
    const double kh = 2 * M_PI / static_cast<double>(cells);
    return value_of<double>(sine_mode_error(mode, -3 * kh * kh), previous) / (kh * kh);
  };
  EXPECT_NEAR(order_of(error(wave2, 16), error(wave2, 32)), 2, 0.1);
  EXPECT_NEAR(order_of(error(wave8, 16), error(wave8, 32)), 8, 0.1);
}

TEST(Stencil, WaveIsOfSecondOrderInTime) {
  // to time 0.5 with c = 0.5, against cos(omega t) phi, omega = sqrt(3) pi
  const auto error = [](int cells) {
    const SineMode mode{{cells - 1, cells - 1, cells - 1}, {1, 1, 1}};
    const double c = 0.5, dt = c / cells, omega = std::sqrt(3.0) * M_PI;
    const Kernel kernel = wave2(c), before = sine_mode(mode, std::cos(omega * dt));
    Block a(mode.extents), b(mode.extents);
    Block *u = &a, *previous = &b;
    run(sine_mode(mode, 1), false, {u->all().box}, {u});
    run(before, false, {u->all().box}, {previous});
    for (int s = 0; s < cells; ++s, std::swap(u, previous)) run(kernel, false, {u->all().box}, {u, previous});
    return value_of<double>(sine_mode_error(mode, std::cos(omega * 0.5)), *u);
  };
  EXPECT_NEAR(order_of(error(16), error(32)), 2, 0.1);
}

TEST(Stencil, FactorsAtKnownPoints) {
  // the mode of the largest symbol: r at the stability limit gives -1
  const SineMode checker{{8, 8, 8}, {4, 4, 4}, true};
  EXPECT_NEAR(heat_mode_factor(7, checker, 1.0 / 6, 1), -1, 1e-14);
  EXPECT_NEAR(heat_mode_factor(27, checker, 15.0 / 46, 1), -1, 1e-14);
  EXPECT_NEAR(heat_mode_factor(5, {{1, 8, 8}, {0, 4, 4}, true}, 0.25, 1), -1, 1e-14);
  EXPECT_NEAR(wave_mode_factor(2, checker, 1 / std::sqrt(3.0), 1), -1, 1e-6);
  EXPECT_NEAR(wave_mode_factor(8, checker, 0.45285, 1), -1, 1e-4);
  EXPECT_TRUE(std::isnan(wave_mode_factor(8, checker, 0.46, 1))) << "unstable: no such oscillation";
  EXPECT_DOUBLE_EQ(wave_mode_factor(8, checker, 0.3, 0), 1);
  EXPECT_THROW(heat_mode_factor(9, checker, 0.1, 1), std::exception);
  EXPECT_THROW(sine_mode({{8, 0, 8}, {1, 1, 1}}, 1), std::exception);
}

TEST(Checks, TellNaNs) {
  Block u({3, 4, 11});
  run(fill(0.5), false, {u.all().box}, {&u});
  EXPECT_EQ(value_of<double>(max_abs(), u), 0.5);
  u.at(1, 2, 3) = -7;
  EXPECT_EQ(value_of<double>(max_abs(), u), 7);
  u.at(1, 1, 3) = -std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(value_of<double>(max_abs(), u), std::numeric_limits<double>::infinity());
  EXPECT_EQ(value_of<double>(sine_mode_error({{3, 4, 11}, {1, 1, 1}}, 1), u),
            std::numeric_limits<double>::infinity());
}

TEST(Checks, SumAndChecksum) {
  const Index3 n{5, 6, 29};
  Block u(n);
  double sum = 0;
  u.each(0, [&](auto i, auto j, auto k) {
    sum += static_cast<double>(i * 7 + j - 3 * k);
    return static_cast<double>(i * 7 + j - 3 * k);
  });
  EXPECT_EQ(value_of<double>(sum_cells(), u), sum);  // small integers: exact

  const Kernel kernel = checksum(n);
  const auto whole = value_of<std::uint64_t>(kernel, u);
  for (const Index3 tile : {Index3{2, 4, 29}, Index3{1, 1, 8}, Index3{5, 6, 3}}) {
    std::uint64_t total = 0;
    for (const Box& b : tiling(n, tile)) {
      std::uint64_t part = 0;
      run(kernel, false, {b}, {&u}, &part);
      total += part;
    }
    EXPECT_EQ(total, whole);
  }
  std::swap(u.at(1, 2, 3), u.at(4, 5, 6));
  EXPECT_NE(value_of<std::uint64_t>(kernel, u), whole) << "cells that change places must show";
}

TEST(Delayed, SpinsWhereAndWhenItShould) {
  const Kernel plain = heat7(0.1), slow = delayed(plain, 2000, 3);
  Block u({4, 5, 9}), a({4, 5, 9}), b({4, 5, 9});
  u.each(1, [](auto i, auto j, auto k) { return std::sin(static_cast<double>(i + 3 * j + 5 * k)); });
  run(plain, false, {u.all().box}, {&u, &a});
  const auto elapsed_s = [&](std::int64_t step, std::uint32_t rank, bool first) {
    Task task;
    task.step = step;
    task.rank = RankId(rank);
    task.first_of_rank = first;
    const Argument arguments[] = {u.all(), b.all()};
    const auto start = std::chrono::steady_clock::now();
    slow.tile(slow.functor.get(), task, arguments, nullptr);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  EXPECT_GE(elapsed_s(4, 1, true), 0.002);
  // one of several tries is undisturbed by other programs
  const auto quick = [&](std::int64_t step, std::uint32_t rank, bool first) {
    for (int i = 0; i < 20; ++i)
      if (elapsed_s(step, rank, first) < 0.002) return true;
    return false;
  };
  EXPECT_TRUE(quick(4, 1, false));
  EXPECT_TRUE(quick(4, 2, true));
  const Kernel check = checksum({4, 5, 9});
  EXPECT_EQ(value_of<std::uint64_t>(check, a), value_of<std::uint64_t>(check, b));
  EXPECT_EQ(slow.parameters.size(), 2U);
}

TEST(Stores, AreChosenBySize) {
  EXPECT_EQ(choose_stores(Stores::automatic, 17 << 20, 32 << 20), Stores::streaming);
  EXPECT_EQ(choose_stores(Stores::automatic, 16 << 20, 32 << 20), Stores::cached);
  EXPECT_EQ(choose_stores(Stores::cached, 33 << 20, 32 << 20), Stores::cached);
}

}  // namespace
