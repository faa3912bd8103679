// Workers that have to share processors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace tutti {

/// Where one worker may run: processors and cores as lists like "0-3,8". Cores are those that its processors
/// belong to; two hardware threads are two processors of one core.
struct WorkerPlace {
  std::string host;
  std::string processors;
  std::string cores = {};
  std::uint32_t rank = 0;
};

/// By rank, then worker, from `affinity` as provenance() gives it.
std::vector<WorkerPlace> worker_places(const nlohmann::json& affinity);

/// The worst case of more workers than processors for them: workers that may run nowhere but on some set of
/// processors smaller than their number.
struct Crowding {
  std::string host;
  std::string processors;    ///< the set, as a list
  std::size_t workers = 0;   ///< confined to it; 0: every worker can have a processor of its own
  std::size_t capacity = 0;  ///< processors in it
  std::size_t ranks = 0;     ///< that the workers belong to
  std::size_t hosts = 0;     ///< with more workers than processors for them
};

/// Looks at the sets that workers have and at all processors of each host.
Crowding find_crowding(const std::vector<WorkerPlace>& workers);

/// What is wrong with the places of workers, one sentence for each kind: ranks on one processor, workers of a
/// rank on one processor, more workers than processors; or else workers on hardware threads of the same
/// cores. Empty where every worker can have a core of its own.
std::vector<std::string> pinning_warnings(const std::vector<WorkerPlace>& workers);

}  // namespace tutti
