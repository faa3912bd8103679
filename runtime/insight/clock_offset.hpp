// Clocks of different nodes on one scale.
#pragma once

#include <functional>
#include <string>

#include "runtime/comm/transport.hpp"

namespace tutti {

/// What to add to this rank's clock to get rank 0's, in seconds. Ranks with the same `node` as rank 0 share
/// its clock: 0. With the others rank 0 exchanges messages, one rank after the other; the answer that came
/// back fastest counts, and the error is at most half its round trip (Cristian, Probabilistic clock
/// synchronization, Distributed Computing 3, 1989). Collective.
double clock_offset_s(Transport& transport, const std::string& node, const std::function<double()>& now_s);

}  // namespace tutti
