// n ranks inside this process, each a thread with a Runtime of its own.
#pragma once

#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "runtime/comm/shared.hpp"
#include "runtime/runtime.hpp"

namespace tutti::test {

/// Runs body(runtime) on every rank of a local job and rethrows the first exception, by rank. Messages
/// between two ranks go through shared memory if they belong to the same group of `per_node` ranks; 0: none
/// do.
inline void run_local_job(std::uint32_t ranks, const Options& options,
                          const std::function<void(Runtime&)>& body, std::uint32_t per_node = 0) {
  auto transports = make_local_transports(ranks);
  std::vector<std::exception_ptr> thrown(ranks);
  std::vector<std::thread> threads;
  for (std::uint32_t r = 0; r < ranks; ++r)
    threads.emplace_back([&, r] {
      try {
        auto transport = transports[r];
        if (per_node > 0) transport = with_shared_memory(transport, r / per_node);
        Runtime rt(transport, options);
        body(rt);
      } catch (...) {
        thrown[r] = std::current_exception();
      }
    });
  for (auto& t : threads) t.join();
  for (const auto& e : thrown)
    if (e) std::rethrow_exception(e);
}

}  // namespace tutti::test
