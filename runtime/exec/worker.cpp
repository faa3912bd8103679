#include "runtime/exec/worker.hpp"

#include <algorithm>

namespace tutti {
namespace {

/// Whether other ranks wait for this node: it sends, or what it releases does.
bool feeds_message(const Plan& plan, std::uint32_t n) {
  const auto is_send = [&](std::uint32_t m) { return plan.nodes[m].kind == NodeKind::send; };
  if (is_send(n)) return true;
  for (std::uint32_t e = plan.first_successor[n]; e < plan.first_successor[n + 1]; ++e)
    if (is_send(plan.successors[e])) return true;
  return false;
}

}  // namespace

Worker::Worker(std::uint32_t number, const Plan& plan, const Meter& its_meter)
    : id(number),
      meter(its_meter),
      urgent(static_cast<std::uint32_t>(plan.nodes.size())),
      ready(static_cast<std::uint32_t>(plan.nodes.size())),
      list(static_cast<std::uint32_t>(plan.nodes.size() + plan.messages.size())) {
  owned.assign(plan.copies_per_cycle(), 0);
  for (const PlanNode& n : plan.nodes) owned[n.copy] += n.home.value == id ? 1 : 0;
  for (std::size_t c = 1; c < owned.size(); ++c) owned[c] += owned[c - 1];
  held.reserve(owned.empty() ? 0 : owned.back());
  messages_done.reserve(plan.messages.size());
}

MovingParts::MovingParts(const Plan& plan, Profile& profile, Trace* trace, std::uint32_t graph) {
  const auto n = static_cast<std::uint32_t>(plan.nodes.size());
  nodes.resize(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    nodes[i].in_degree = plan.in_degree[i];
    nodes[i].first_successor = plan.first_successor[i];
    nodes[i].last_successor = plan.first_successor[i + 1];
    nodes[i].home = plan.nodes[i].home.value;
    nodes[i].urgent = feeds_message(plan, i);
  }
  successors.reserve(plan.successors.size());
  for (const std::uint32_t s : plan.successors) successors.push_back({s, nodes[s].home});
  // other workers first: what they get is under way while the own ones are counted down
  for (const HotNode& node : nodes)
    std::stable_partition(successors.begin() + node.first_successor, successors.begin() + node.last_successor,
                          [&](const Successor& s) { return s.home != node.home; });
  for (std::uint32_t w = 0; w < plan.workers; ++w)
    workers.push_back(std::make_unique<Worker>(w, plan, Meter(profile, w, trace, graph)));
  make_rings();
}

void MovingParts::make_rings() {
  const std::size_t count = workers.size();
  std::vector<std::uint32_t> edges(count * count, 0);
  for (const HotNode& node : nodes)
    for (std::uint32_t e = node.first_successor; e < node.last_successor; ++e)
      ++edges[node.home * count + successors[e].home];
  for (auto& to : workers)
    for (std::size_t from = 0; from < count; ++from) {
      const std::uint32_t n = edges[from * count + to->id];
      to->incoming.push_back(from != to->id && n > 0 ? std::make_unique<Ring>(n) : nullptr);
      if (to->incoming.back()) to->mail.push_back(to->incoming.back().get());
    }
}

std::uint64_t MovingParts::owned(const Worker& worker, std::uint32_t first_copy, std::int64_t steps) const {
  const auto copies = static_cast<std::int64_t>(worker.owned.size());
  const std::uint64_t per_cycle = worker.owned.back();
  // nodes of the first k copies of the endless sequence of cycles
  const auto before = [&](std::int64_t k) {
    const std::int64_t rest = k % copies;
    return static_cast<std::uint64_t>(k / copies) * per_cycle +
           (rest > 0 ? worker.owned[static_cast<std::size_t>(rest - 1)] : 0);
  };
  return before(first_copy + steps) - before(first_copy);
}

}  // namespace tutti
