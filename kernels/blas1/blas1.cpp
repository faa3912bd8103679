#include "kernels/blas1/blas1.hpp"

#include "kernels/blas1/lanes.hpp"
#include "kernels/launch.hpp"

namespace tutti::kernels {
namespace {

struct Axpy {
  void operator()(double alpha, In<double> x, InOut<double> y) const {
    TUTTI_INDEPENDENT
    for (std::int64_t i = 0; i < y.extent(2); ++i) y.data[i] += alpha * x.data[i];
  }
};

struct Xpby {
  void operator()(In<double> x, double beta, InOut<double> y) const {
    TUTTI_INDEPENDENT
    for (std::int64_t i = 0; i < y.extent(2); ++i) y.data[i] = x.data[i] + beta * y.data[i];
  }
};

struct Dot {
  double operator()(In<double> x, In<double> y) const { return lane_dot(x.data, y.data, x.extent(2)); }
};

struct Norm2 {
  double operator()(In<double> x) const { return lane_dot(x.data, x.data, x.extent(2)); }
};

struct CgUpdate {
  double operator()(double alpha, In<double> p, In<double> q, InOut<double> x, InOut<double> r) const {
    const auto row = [&](std::int64_t i) __attribute__((always_inline)) {
      x.data[i] += alpha * p.data[i];
      const double now = r.data[i] - alpha * q.data[i];
      r.data[i] = now;
      return now * now;
    };
    return in_lanes(x.extent(2), row);
  }
};

struct PipelinedUpdate {
  double operator()(double alpha, double beta, In<double> n, In<double> m, InOut<double> z, InOut<double> q,
                    InOut<double> s, InOut<double> p, InOut<double> x, InOut<double> r, InOut<double> u,
                    InOut<double> w) const {
    const auto row = [&](std::int64_t i) __attribute__((always_inline)) {
      const double zi = n.data[i] + beta * z.data[i];
      const double qi = m.data[i] + beta * q.data[i];
      const double si = w.data[i] + beta * s.data[i];
      const double pi = u.data[i] + beta * p.data[i];
      z.data[i] = zi;
      q.data[i] = qi;
      s.data[i] = si;
      p.data[i] = pi;
      x.data[i] += alpha * pi;
      const double ri = r.data[i] - alpha * si;
      r.data[i] = ri;
      u.data[i] -= alpha * qi;
      w.data[i] -= alpha * zi;
      return ri * ri;
    };
    return in_lanes(x.extent(2), row);
  }
};

struct RandomVector {
  std::uint64_t seed;
  // SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014)
  void operator()(Out<double> x) const {
    for (std::int64_t i = 0; i < x.extent(2); ++i) {
      const auto row = static_cast<std::uint64_t>(x.box.lo[2] + i);
      std::uint64_t v = seed * 0xd1342543de82ef95ULL + (row + 1) * 0x9e3779b97f4a7c15ULL;
      v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9ULL;
      v = (v ^ (v >> 27)) * 0x94d049bb133111ebULL;
      v ^= v >> 31;
      x.data[i] = static_cast<double>(v >> 11) * 0x1p-52 - 1.0;
    }
  }
};

}  // namespace

double lane_dot(const double* x, const double* y, std::int64_t n) {
  return in_lanes(
      n, [&](std::int64_t i) __attribute__((always_inline)) { return x[i] * y[i]; });
}

Kernel axpy() { return make_kernel("axpy", Axpy{}, {2, 24}); }
Kernel xpby() { return make_kernel("xpby", Xpby{}, {2, 24}); }
Kernel dot() { return make_kernel("dot", Dot{}, {2, 16}); }
Kernel norm2() { return make_kernel("norm2", Norm2{}, {2, 8}); }
Kernel cg_update() { return make_kernel("cg_update", CgUpdate{}, {6, 48}); }
Kernel random_vector(std::uint64_t seed) { return make_kernel("random_vector", RandomVector{seed}, {0, 8}); }
Kernel pipelined_update() { return make_kernel("pipelined_update", PipelinedUpdate{}, {18, 144}); }

}  // namespace tutti::kernels
