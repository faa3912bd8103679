// The functors of the vector kernels: one row written once, for every launcher, and the tile on the host.
// A row that returns a value returns a term of the tile's sum, which is formed in eight lanes.
#pragma once

#include <cstdint>

#include "kernels/blas1/lanes.hpp"
#include "kernels/launch.hpp"
#include "runtime/data/mix.hpp"
#include "runtime/data/view.hpp"

namespace tutti::kernels {

struct Axpy {
  TUTTI_FUNCTION void row(std::int64_t i, double alpha, const In<double>& x, const InOut<double>& y) const {
    y.data[i] += alpha * x.data[i];
  }
  void operator()(double alpha, In<double> x, InOut<double> y) const {
    TUTTI_INDEPENDENT
    for (std::int64_t i = 0; i < y.extent(2); ++i) row(i, alpha, x, y);
  }
};

struct Xpby {
  TUTTI_FUNCTION void row(std::int64_t i, const In<double>& x, double beta, const InOut<double>& y) const {
    y.data[i] = x.data[i] + beta * y.data[i];
  }
  void operator()(In<double> x, double beta, InOut<double> y) const {
    TUTTI_INDEPENDENT
    for (std::int64_t i = 0; i < y.extent(2); ++i) row(i, x, beta, y);
  }
};

struct Dot {
  TUTTI_FUNCTION double row(std::int64_t i, const In<double>& x, const In<double>& y) const {
    return x.data[i] * y.data[i];
  }
  double operator()(In<double> x, In<double> y) const {
    return in_lanes(x.extent(2), [&](std::int64_t i) TUTTI_INLINE { return row(i, x, y); });
  }
};

struct Norm2 {
  TUTTI_FUNCTION double row(std::int64_t i, const In<double>& x) const { return x.data[i] * x.data[i]; }
  double operator()(In<double> x) const {
    return in_lanes(x.extent(2), [&](std::int64_t i) TUTTI_INLINE { return row(i, x); });
  }
};

struct CgUpdate {
  TUTTI_FUNCTION double row(std::int64_t i, double alpha, const In<double>& p, const In<double>& q,
                            const InOut<double>& x, const InOut<double>& r) const {
    x.data[i] += alpha * p.data[i];
    const double now = r.data[i] - alpha * q.data[i];
    r.data[i] = now;
    return now * now;
  }
  double operator()(double alpha, In<double> p, In<double> q, InOut<double> x, InOut<double> r) const {
    return in_lanes(x.extent(2), [&](std::int64_t i) TUTTI_INLINE { return row(i, alpha, p, q, x, r); });
  }
};

struct PipelinedUpdate {
  TUTTI_FUNCTION double row(std::int64_t i, double alpha, double beta, const In<double>& n,
                            const In<double>& m, const InOut<double>& z, const InOut<double>& q,
                            const InOut<double>& s, const InOut<double>& p, const InOut<double>& x,
                            const InOut<double>& r, const InOut<double>& u, const InOut<double>& w) const {
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
  }
  double operator()(double alpha, double beta, In<double> n, In<double> m, InOut<double> z, InOut<double> q,
                    InOut<double> s, InOut<double> p, InOut<double> x, InOut<double> r, InOut<double> u,
                    InOut<double> w) const {
    return in_lanes(x.extent(2), [&](std::int64_t i) TUTTI_INLINE {
      return row(i, alpha, beta, n, m, z, q, s, p, x, r, u, w);
    });
  }
};

struct RandomVector {
  std::uint64_t seed;
  TUTTI_FUNCTION void row(std::int64_t i, const Out<double>& x) const {
    const auto number = static_cast<std::uint64_t>(x.box.lo[2] + i);
    const std::uint64_t bits = mix(seed * 0xd1342543de82ef95ULL + (number + 1) * mix_increment);
    x.data[i] = static_cast<double>(bits >> 11) * 0x1p-52 - 1.0;
  }
  void operator()(Out<double> x) const {
    for (std::int64_t i = 0; i < x.extent(2); ++i) row(i, x);
  }
};

}  // namespace tutti::kernels
