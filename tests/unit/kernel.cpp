// Boxes, and kernels made from functors: their contracts, and bodies run on erased arguments.
#include "runtime/data/kernel.hpp"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace tutti {
namespace {

static_assert(Box{{1, 2, 3}, {2, 4, 6}}.size() == 6);
static_assert(Box{}.empty() && Box{{0, 0, 3}, {1, 1, 1}}.size() == 0);
static_assert(intersect(Box{{0, 0, 0}, {4, 4, 4}}, Box{{2, 3, 5}, {9, 9, 9}}).empty());
static_assert(intersect(Box{{0, 0, 0}, {4, 4, 4}}, Box{{2, 3, -1}, {9, 9, 9}}) == Box{{2, 3, 0}, {4, 4, 4}});
static_assert(shifted(Box{{0, 0, 0}, {1, 1, 1}}, {1, -2, 3}) == Box{{1, -2, 3}, {2, -1, 4}});
static_assert(grown(Box{{0, 0, 0}, {1, 1, 1}}, {0, 1, 2}) == Box{{0, -1, -2}, {1, 2, 3}});
static_assert(grown(Box{{0, 0, 0}, {1, 1, 1}}, {1, 1, 1}).contains(Box{{0, 0, 0}, {1, 1, 1}}));
static_assert(!Box{{0, 0, 0}, {1, 1, 1}}.contains(Box{{0, 0, 0}, {1, 1, 2}}));

struct Point {
  static constexpr const char* element_name = "point";
  float x, y, z;
};

struct EveryKind {
  void operator()(const Task&, In<double, 2> a, In<float, 1, Shape::box> b, In<Point> c, Inputs<double> d,
                  const double& s, std::int64_t n, Out<double> e, InOut<std::uint32_t> f) const;
};

void expect_parameter(const Parameter& p, Mode mode, const char* type, Shape shape, int radius, bool scalar) {
  EXPECT_EQ(p.mode, mode);
  EXPECT_STREQ(p.type.name, type);
  EXPECT_EQ(p.shape, shape);
  EXPECT_EQ(p.radius, radius);
  EXPECT_EQ(p.scalar, scalar);
}

void EveryKind::operator()(const Task&, In<double, 2>, In<float, 1, Shape::box>, In<Point>, Inputs<double>,
                           const double&, std::int64_t, Out<double>, InOut<std::uint32_t>) const {}

TEST(MakeKernel, ReadsTheContractFromTheFunctor) {
  const Kernel k = make_kernel("all", EveryKind{}, {7, 16});
  EXPECT_EQ(k.name, "all");
  EXPECT_STREQ(k.result.name, "void");
  EXPECT_EQ(k.cost.flops, 7);
  EXPECT_EQ(k.kokkos, nullptr);
  ASSERT_EQ(k.parameters.size(), 8u);
  expect_parameter(k.parameters[0], Mode::read, "float64", Shape::faces, 2, false);
  expect_parameter(k.parameters[1], Mode::read, "float32", Shape::box, 1, false);
  expect_parameter(k.parameters[2], Mode::read, "point", Shape::own, 0, false);
  expect_parameter(k.parameters[3], Mode::read, "float64", Shape::tiles, 0, false);
  expect_parameter(k.parameters[4], Mode::read, "float64", Shape::own, 0, true);
  expect_parameter(k.parameters[5], Mode::read, "int64", Shape::own, 0, true);
  expect_parameter(k.parameters[6], Mode::write, "float64", Shape::own, 0, false);
  expect_parameter(k.parameters[7], Mode::update, "uint32", Shape::own, 0, false);
  EXPECT_EQ(k.parameters[2].type.size_bytes, 12u);
}

TEST(MakeKernel, BodyRunsOnErasedArguments) {
  const Kernel k = make_kernel("scale", [](const Task& t, In<double, 1> u, double factor, Out<double> v) {
    for (std::int64_t i = 0; i < v.extent(0); ++i)
      for (std::int64_t j = 0; j < v.extent(1); ++j)
        for (std::int64_t c = 0; c < v.extent(2); ++c)
          v(i, j, c) = factor * (u(i, j, c - 1) + u(i, j, c + 1)) + static_cast<double>(t.step);
  });
  const Box box{{0, 4, 1}, {1, 6, 3}};
  std::vector<double> u{0, 1, 2, 3, 10, 11, 12, 13};  // two rows of two cells between ghosts
  std::vector<double> v(4);
  double factor = 0.5;
  const std::array<Argument, 3> arguments{Argument{u.data() + 1, 8, 4, box, 0},
                                          Argument{&factor, 0, 0, {}, 0}, Argument{v.data(), 4, 2, box, 0}};
  Task task;
  task.step = 100;
  k.tile(k.functor.get(), task, arguments.data(), nullptr);
  EXPECT_EQ(v, (std::vector<double>{101, 102, 111, 112}));
}

TEST(MakeKernel, ResultsAndInputLists) {
  const Kernel k = make_kernel("total", [](Inputs<double> tiles) {
    std::int64_t sum = 0;
    for (const Input<double>& t : tiles)
      sum += static_cast<std::int64_t>(t(0, 0, 0)) * (1 + static_cast<std::int64_t>(t.tile.value));
    return sum;
  });
  EXPECT_STREQ(k.result.name, "int64");
  const double values[] = {5, 7};
  std::array<Input<double>, 2> inputs;
  for (int i = 0; i < 2; ++i) {
    inputs[i].data = &values[i];
    inputs[i].tile = TileId{i};
  }
  const Argument argument{inputs.data(), 0, 0, {}, 2};
  std::int64_t result = 0;
  k.tile(k.functor.get(), Task{}, &argument, &result);
  EXPECT_EQ(result, 5 + 2 * 7);
}

TEST(MakeKernel, CopiesShareTheFunctor) {
  const Kernel k = make_kernel("nothing", [](Out<double>) {});
  const Kernel copy = k;
  EXPECT_EQ(copy.functor, k.functor);
  EXPECT_EQ(element_type<double>(), k.parameters[0].type);
  EXPECT_NE(element_type<float>(), k.parameters[0].type);
}

}  // namespace
}  // namespace tutti
