#include "runtime/exec/single_order.hpp"

namespace tutti {

void SingleOrder::work(Worker& w, std::uint32_t copy, std::int64_t step) {
  if (w.id != 0) return sleep(w);
  team_.single = true;
  try {
    run_steps(w, copy, step);
  } catch (...) {
    team_.fail(w.current.load(std::memory_order_relaxed));
  }
  team_.single = false;
  w.current.store(none, std::memory_order_relaxed);
  w.done.store(true, std::memory_order_release);
}

void SingleOrder::run_steps(Worker& w, std::uint32_t copy, std::int64_t step) {
  const Plan& plan = team_.plan;
  for (; step < team_.gate.open(); ++step) {
    const std::uint32_t first = plan.first_node[copy], end = plan.first_node[copy + 1];
    for (std::uint32_t n = first; n < end; ++n) {
      HotNode& hot = team_.nodes[n];
      team_.run(w, hot, n, step);
      if (hot.first_other < hot.last_other) bring(hot);
    }
    w.retired.store(w.retired.load(std::memory_order_relaxed) + (end - first), std::memory_order_relaxed);
    if (++copy == plan.copies_per_cycle()) copy = 0;
  }
}

// Readers of other workers look for the contents of small tiles where a release would have brought them.
void SingleOrder::bring(const HotNode& done) {
  for (std::uint32_t e = done.first_other; e < done.last_other; ++e) {
    const std::uint32_t carry = team_.parts.other_successors[e].carry;
    if (carry == none) continue;
    const Carry& c = team_.parts.carries[carry];
    CarryRing::copy_small(c.to, c.from, c.bytes);
  }
}

void SingleOrder::sleep(Worker& w) {
  const Worker& first = *team_.workers[0];
  team_.waiting.await(w, [&] { return team_.failed() || first.done.load(std::memory_order_acquire); });
}

}  // namespace tutti
