// A transport whose messages between ranks of one node go through shared memory.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/comm/transport.hpp"

namespace tutti {

/// The same for processes that run under one kernel with one host name.
std::uint64_t this_node();

/// Passes everything on to `transport`, but for the messages of ranks that can map each other's memory: those
/// go through windows (window.hpp). Both ways may serve one graph. Returns `transport` itself if no two ranks
/// can. A graph for whose windows there is not enough memory gets the messages of `transport`. Ranks that
/// give different `node`s do not try. Collective.
std::shared_ptr<Transport> with_shared_memory(std::shared_ptr<Transport> transport,
                                              std::uint64_t node = this_node());

}  // namespace tutti
