#include "miniapps/metg/pinning.hpp"

#include <cstring>

#include <omp.h>
#include <sched.h>

#include "runtime/comm/transport.hpp"
#include "runtime/machine.hpp"

namespace metg {

namespace {

std::vector<int> processors_of_this_thread() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> list;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return list;
  for (int c = 0; c < CPU_SETSIZE; ++c)
    if (CPU_ISSET(c, &set)) list.push_back(c);
  return list;
}

}  // namespace

Cores assign_cores(tutti::Transport& transport, std::uint32_t workers) {
  const std::vector<int> mine = tutti::affinity();
  std::string text = tutti::host_name();
  for (const int c : mine) text += ' ' + std::to_string(c);
  tutti::Bytes key(text.size());
  std::memcpy(key.data(), text.data(), text.size());
  std::size_t before = 0;
  std::size_t sharing = 0;
  const auto all = transport.gather_all(key);
  for (std::size_t r = 0; r < all.size(); ++r) {
    if (all[r] != key) continue;
    ++sharing;
    before += r < transport.rank().index();
  }
  Cores cores;
  if (sharing * workers <= mine.size())
    cores.of_rank.assign(mine.begin() + static_cast<std::ptrdiff_t>(before * workers),
                         mine.begin() + static_cast<std::ptrdiff_t>((before + 1) * workers));

  const std::size_t total = std::size_t{workers} * transport.ranks();
  const bool fits = transport.rank() != tutti::RankId{0} || mine.size() >= total;
  if (transport.min(static_cast<std::uint64_t>(fits)) == 0) return cores;
  tutti::Bytes list(total * sizeof(int));
  if (transport.rank() == tutti::RankId{0}) std::memcpy(list.data(), mine.data(), list.size());
  cores.of_first_rank.resize(total);
  std::memcpy(cores.of_first_rank.data(), transport.gather_all(list)[0].data(), list.size());
  return cores;
}

void pin_this_thread(const std::vector<int>& processors) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int c : processors) CPU_SET(static_cast<std::size_t>(c), &set);
  if (!processors.empty()) sched_setaffinity(0, sizeof set, &set);
}

Pinned::Pinned(const std::vector<int>& cores) : before_(cores.size()) {
  if (cores.empty()) return;
#pragma omp parallel num_threads(static_cast <int>(cores.size()))
  {
    const auto thread = static_cast<std::size_t>(omp_get_thread_num());
    before_[thread] = processors_of_this_thread();
    pin_this_thread({cores[thread]});
  }
}

Pinned::~Pinned() {
  if (before_.empty()) return;
#pragma omp parallel num_threads(static_cast <int>(before_.size()))
  pin_this_thread(before_[static_cast<std::size_t>(omp_get_thread_num())]);
}

}  // namespace metg
