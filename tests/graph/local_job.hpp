// n ranks inside this process, each a thread with a Runtime of its own.
#pragma once

#include <functional>

#include "runtime/runtime.hpp"
#include "tests/local_ranks.hpp"

namespace tutti::test {

/// Runs body(runtime) on every rank of a local job, see on_local_ranks.
inline void run_local_job(std::uint32_t ranks, const Options& options,
                          const std::function<void(Runtime&)>& body, std::uint32_t per_node = 0) {
  on_local_ranks(
      ranks,
      [&](const std::shared_ptr<Transport>& transport) {
        Runtime rt(transport, options);
        body(rt);
      },
      per_node);
}

}  // namespace tutti::test
