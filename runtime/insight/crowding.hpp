// Workers that have to share processors.
#pragma once

#include <string>
#include <vector>

namespace tutti {

/// The processors that one worker may run on, as a list like "0-3,8", and its host.
struct WorkerPlace {
  std::string host;
  std::string processors;
};

/// The worst case of more workers than processors for them: workers that may run nowhere but on some set of
/// processors smaller than their number.
struct Crowding {
  std::string host;
  std::string processors;    ///< the set, as a list
  std::size_t workers = 0;   ///< confined to it; 0: every worker can have a processor of its own
  std::size_t capacity = 0;  ///< processors in it
};

/// Looks at the sets that workers have and at all processors of each host.
Crowding find_crowding(const std::vector<WorkerPlace>& workers);

}  // namespace tutti
