#include "runtime/exec/worker.hpp"

#include <algorithm>

#include <fmt/format.h>

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

MovingParts::MovingParts(Plan& plan, Profile& profile, Trace* trace, std::uint32_t graph) {
  const auto n = static_cast<std::uint32_t>(plan.nodes.size());
  nodes.resize(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    nodes[i].in_degree = plan.in_degree[i];
    nodes[i].home = plan.nodes[i].home.value;
    nodes[i].urgent = feeds_message(plan, i);
    PlanNode& node = plan.nodes[i];
    nodes[i].kind = node.kind;
    nodes[i].node = &node;
    if (node.kind != NodeKind::run || node.result != nullptr) continue;
    nodes[i].body = node.body;
    nodes[i].arguments = plan.arguments.data() + node.first_argument;
  }
  make_successors(plan);
  make_carries(plan);
  for (std::uint32_t w = 0; w < plan.workers; ++w)
    workers.push_back(std::make_unique<Worker>(w, plan, Meter(profile, w, trace, graph)));
  make_rings();
}

void MovingParts::make_successors(const Plan& plan) {
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    HotNode& node = nodes[i];
    node.first_own = static_cast<std::uint32_t>(own_successors.size());
    node.first_other = static_cast<std::uint32_t>(other_successors.size());
    for (std::uint32_t e = plan.first_successor[i]; e < plan.first_successor[i + 1]; ++e) {
      HotNode& successor = nodes[plan.successors[e]];
      if (successor.home == node.home)
        own_successors.push_back(&successor);
      else
        other_successors.push_back({plan.successors[e], successor.home});
    }
    node.last_own = static_cast<std::uint32_t>(own_successors.size());
    node.last_other = static_cast<std::uint32_t>(other_successors.size());
  }
}

// At most one parcel for each edge.
void MovingParts::make_carries(const Plan& plan) {
  std::vector<const ForeignInput*> inputs;
  for (const ForeignInput& input : plan.foreign_inputs) {
    if (input.bytes > carry_bytes) continue;
    const HotNode& producer = nodes[input.producer];
    for (std::uint32_t e = producer.first_other; e < producer.last_other; ++e) {
      OtherSuccessor& successor = other_successors[e];
      if (successor.node != input.node || successor.carry != none) continue;
      successor.carry = static_cast<std::uint32_t>(carries.size());
      carries.push_back({input.node, static_cast<const std::byte*>(input.tile.data), nullptr, input.bytes});
      inputs.push_back(&input);
      break;
    }
  }
  constexpr std::size_t slot_bytes = 32;
  static_assert(carry_bytes <= slot_bytes && cache_line_size_bytes % slot_bytes == 0);
  carried_.resize((carries.size() * slot_bytes) + ((plan.workers + 1ULL) * cache_line_size_bytes));
  const auto address = reinterpret_cast<std::uintptr_t>(carried_.data());
  std::byte* next = carried_.data() + (cache_line_size_bytes - address % cache_line_size_bytes);
  for (std::uint32_t w = 0; w < plan.workers; ++w) {
    std::size_t used = 0;
    for (std::size_t c = 0; c < carries.size(); ++c) {
      if (nodes[carries[c].node].home != w) continue;
      carries[c].to = next + used;
      inputs[c]->redirect(carries[c].to);
      used += slot_bytes;
    }
    next += (used + cache_line_size_bytes - 1) / cache_line_size_bytes * cache_line_size_bytes;
  }
}

void MovingParts::make_rings() {
  const std::size_t count = workers.size();
  std::vector<std::uint32_t> plain(count * count, 0);
  std::vector<std::uint32_t> carrying(count * count, 0);
  for (const HotNode& node : nodes)
    for (std::uint32_t e = node.first_other; e < node.last_other; ++e) {
      const OtherSuccessor& s = other_successors[e];
      ++(s.carry == none ? plain : carrying)[node.home * count + s.home];
    }
  for (auto& to : workers)
    for (std::size_t from = 0; from < count; ++from) {
      const std::size_t pair = from * count + to->id;
      const bool other = from != to->id;
      to->incoming.push_back(other && plain[pair] > 0 ? std::make_unique<Ring>(plain[pair]) : nullptr);
      if (to->incoming.back()) to->mail.push_back(to->incoming.back().get());
      to->carrying.push_back(other && carrying[pair] > 0 ? std::make_unique<CarryRing>(carrying[pair])
                                                         : nullptr);
      if (to->carrying.back()) to->parcels.push_back(to->carrying.back().get());
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

std::string MovingParts::explain(const Plan& plan) const {
  std::string text;
  for (const auto& w : workers) {
    const std::uint32_t n = w->current.load(std::memory_order_relaxed);
    if (n == none) continue;
    text +=
        fmt::format("{}worker {} is inside {}", text.empty() ? "" : ", ", w->id, plan.describe(NodeId{n}));
  }
  return text.empty() ? "all workers wait for " + awaited(plan) : text;
}

std::string MovingParts::awaited(const Plan& plan) const {
  std::string text;
  std::uint32_t waiting = 0;
  for (const PlanMessage& m : plan.messages) {
    if (m.spec.sending || nodes[m.node].counter != 1) continue;
    if (++waiting <= 3) text += (text.empty() ? "" : ", ") + plan.describe(NodeId{m.node});
  }
  if (waiting > 3) text += fmt::format(" and {} more messages", waiting - 3);
  return text.empty() ? "each other" : text;
}

}  // namespace tutti
