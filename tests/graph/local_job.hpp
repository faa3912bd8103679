// n ranks inside this process, each a thread with a Runtime of its own.
#pragma once

#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "runtime/runtime.hpp"

namespace tutti::test {

/// Runs body(runtime) on every rank of a local job and rethrows the first exception, by rank.
inline void run_local_job(std::uint32_t ranks, const Options& options,
                          const std::function<void(Runtime&)>& body) {
  auto transports = make_local_transports(ranks);
  std::vector<std::exception_ptr> thrown(ranks);
  std::vector<std::thread> threads;
  for (std::uint32_t r = 0; r < ranks; ++r)
    threads.emplace_back([&, r] {
      try {
        Runtime rt(transports[r], options);
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
