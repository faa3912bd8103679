// The critical path of a replay: what no number of workers can beat.
#pragma once

#include <vector>

#include "runtime/comm/transport.hpp"
#include "runtime/graph/plan.hpp"

namespace tutti {

/// Seconds per recorded step of the longest chain of dependent nodes, over all ranks, if nodes take `node_s`
/// (by node of this rank's plan) and messages take no time: the plan is replayed in the mind, every node as
/// soon as its inputs are there. The growth per cycle after the first few counts, so what a graph does once
/// at its start does not. Collective; the same on every rank.
double critical_path_s(const Plan& plan, const std::vector<double>& node_s, Transport& transport);

}  // namespace tutti
