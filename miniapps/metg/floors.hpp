// What the machine itself takes to hand something over: the bounds on the overhead of a step.
#pragma once

#include <vector>

namespace metg {

/// One way of a cache line between two of these processors, ns: two pinned threads answer each other through
/// two lines; the median over the pairs of neighbours in the list. 0 with fewer than two processors. This
/// process must be allowed to use them, and nothing else should.
double cache_line_latency_ns(const std::vector<int>& processors);

}  // namespace metg
