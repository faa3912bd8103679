// A transport whose messages between ranks of one node go through shared memory.
#pragma once

#include <memory>

#include "runtime/comm/transport.hpp"

namespace tutti {

/// Passes everything on to `transport`, but for the messages of ranks that can map each other's memory: those
/// go through windows (window.hpp). Both ways may serve one graph. Returns `transport` itself if no two ranks
/// can. A graph for whose windows there is not enough memory gets the messages of `transport`. Collective.
std::shared_ptr<Transport> with_shared_memory(std::shared_ptr<Transport> transport);

}  // namespace tutti
