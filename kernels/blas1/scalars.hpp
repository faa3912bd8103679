// The arithmetic of the scalars between vector operations, for host and device.
#pragma once

#include <cstdint>

#include "runtime/data/view.hpp"

namespace tutti::kernels {

struct Constant {
  double value;
  TUTTI_FUNCTION double operator()() const { return value; }
};
struct Same {
  TUTTI_FUNCTION double operator()(double a) const { return a; }
};
struct Quotient {
  TUTTI_FUNCTION double operator()(double a, double b) const { return a / b; }
};
struct QuotientOrZero {
  TUTTI_FUNCTION double operator()(double a, double b) const { return b == 0 ? 0.0 : a / b; }
};
struct PipelinedAlpha {
  TUTTI_FUNCTION double operator()(double gamma, double delta, double beta, double alpha) const {
    return gamma / (delta - beta * gamma / alpha);
  }
};
struct NotAbove {
  TUTTI_FUNCTION bool operator()(double a, double limit) const { return !(a > limit); }
};
struct Note {
  TUTTI_FUNCTION void operator()(double a, std::int64_t step, std::int64_t first, InOut<double> list) const {
    const std::int64_t at = step - first;
    if (at >= 0 && at < list.extent(2)) list.data[at] = a;
  }
};

}  // namespace tutti::kernels
