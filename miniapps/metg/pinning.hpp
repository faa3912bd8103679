// Which core runs which worker while something is measured.
#pragma once

#include <cstdint>
#include <vector>

namespace tutti {
class Transport;
}

namespace metg {

/// Processors by worker; empty where there are fewer processors than workers, which are then not pinned.
struct Cores {
  std::vector<int> of_rank;        ///< this rank's workers, when all ranks work
  std::vector<int> of_first_rank;  ///< as many workers as all ranks have, on the first rank; the same on all
};

/// Divides the processors that the ranks may use: ranks of a node that share a set of processors take from it
/// in turn. Collective.
Cores assign_cores(tutti::Transport& transport, std::uint32_t workers);

/// Lets the calling thread run on these processors only. What the system refuses is ignored: pinning only
/// makes timings steadier.
void pin_this_thread(const std::vector<int>& processors);

/// While it lives, thread i of the caller's OpenMP team of cores.size() threads stays on cores[i]. The
/// OpenMP library keeps the threads of a team for the next team of that size.
class Pinned {
 public:
  explicit Pinned(const std::vector<int>& cores);
  ~Pinned();
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

 private:
  std::vector<std::vector<int>> before_;  // by thread
};

}  // namespace metg
