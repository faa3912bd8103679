// The two halves of the tasks schedule: what replays a plan, and what says which nodes are replayed as one.
#pragma once

#include <memory>

#include "runtime/exec/executor.hpp"
#include "runtime/exec/grouping.hpp"
#include "runtime/exec/network.hpp"

namespace tutti {

/// Replays a plan, with its nodes in `groups`. Its execute() goes as far as `grouping` lets it:
/// Grouping::limit() is its end.
std::unique_ptr<Executor> make_stretch_executor(const ExecutorContext& context, Network& network,
                                                Grouping& grouping, Groups groups);

}  // namespace tutti
