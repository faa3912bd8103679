// n ranks inside this process, each a thread.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/comm/shared.hpp"
#include "runtime/comm/transport.hpp"

namespace tutti::test {

/// Calls body(transport) on every rank of a local job and rethrows the first exception, by rank. Messages
/// between two ranks go through shared memory if they belong to the same group of `per_node` ranks; 0: none
/// do.
inline void on_local_ranks(std::uint32_t ranks,
                           const std::function<void(const std::shared_ptr<Transport>&)>& body,
                           std::uint32_t per_node = 0) {
  auto transports = make_local_transports(ranks);
  std::vector<std::exception_ptr> thrown(ranks);
  std::vector<std::thread> threads;
  for (std::uint32_t r = 0; r < ranks; ++r)
    threads.emplace_back([&, r] {
      try {
        body(per_node > 0 ? with_shared_memory(transports[r], r / per_node) : transports[r]);
      } catch (...) {
        thrown[r] = std::current_exception();
      }
    });
  for (auto& t : threads) t.join();
  for (const auto& e : thrown)
    if (e) std::rethrow_exception(e);
}

}  // namespace tutti::test
