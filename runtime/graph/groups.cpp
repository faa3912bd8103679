#include "runtime/graph/groups.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace tutti {
namespace {

/// The neighbours of each node that are not tasks of the same home.
std::vector<std::vector<std::uint32_t>> outside_neighbours(const Plan& plan) {
  std::vector<std::vector<std::uint32_t>> outside(plan.nodes.size());
  const auto is_inside = [&](std::uint32_t of, std::uint32_t n) {
    return plan.nodes[n].kind == NodeKind::run && plan.nodes[n].home == plan.nodes[of].home;
  };
  for (std::uint32_t u = 0; u < plan.nodes.size(); ++u)
    for (std::uint32_t e = plan.first_successor[u]; e < plan.first_successor[u + 1]; ++e) {
      const std::uint32_t v = plan.successors[e];
      if (!is_inside(u, v)) outside[u].push_back(v);
      if (!is_inside(v, u)) outside[v].push_back(u);
    }
  for (auto& list : outside) std::sort(list.begin(), list.end());
  return outside;
}

// Of two edges between the same groups the one of distance 0 implies the other; one to itself only matters
// where nothing else holds a group back.
std::vector<Edge> reduced(std::vector<Edge> edges, std::uint32_t size) {
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end(),
                          [](const Edge& a, const Edge& b) { return a.from == b.from && a.to == b.to; }),
              edges.end());
  std::erase_if(edges, [](const Edge& e) { return e.from == e.to; });
  std::vector<bool> awaits(size, false);
  for (const Edge& e : edges) awaits[e.to.index()] = true;
  for (std::uint32_t g = 0; g < size; ++g)
    if (!awaits[g]) edges.push_back({NodeId{g}, NodeId{g}, 1});
  return edges;
}

}  // namespace

std::vector<std::uint32_t> Groups::initial_counters(const Plan& plan, std::uint32_t copy) const {
  std::vector<std::uint32_t> counters(size(), 0);
  auto fired = [&](std::uint32_t g) { return copy_of(plan, g) < copy ? 1 : 0; };
  for (std::uint32_t u = 0; u < size(); ++u)
    for (std::uint32_t e = first_successor[u]; e < first_successor[u + 1]; ++e) {
      const std::uint32_t v = successors[e];
      const int tokens = fired(u) + distances[e] - fired(v);
      if (tokens == 0) ++counters[v];  // 1: the token lies ready
    }
  for (const PlanMessage& m : plan.messages)
    if (!m.spec.sending) ++counters[group_of[m.node]];
  return counters;
}

Groups make_groups(const Plan& plan, const std::function<bool(std::uint32_t)>& may_group,
                   std::uint32_t largest) {
  const auto n = static_cast<std::uint32_t>(plan.nodes.size());
  auto outside = outside_neighbours(plan);
  using Kind = std::tuple<std::uint32_t, WorkerId, std::vector<std::uint32_t>>;
  std::map<Kind, std::vector<std::uint32_t>> alike;
  std::vector<std::vector<std::uint32_t>> lists;
  for (std::uint32_t i = 0; i < n; ++i) {
    const PlanNode& node = plan.nodes[i];
    if (node.kind == NodeKind::run && may_group(node.operation))
      alike[{node.operation, node.home, std::move(outside[i])}].push_back(i);
    else
      lists.push_back({i});
  }
  for (const auto& [kind, all] : alike) {
    const std::size_t parts = (all.size() + largest - 1) / largest;
    for (std::size_t p = 0; p < parts; ++p)
      lists.emplace_back(all.begin() + static_cast<std::ptrdiff_t>(all.size() * p / parts),
                         all.begin() + static_cast<std::ptrdiff_t>(all.size() * (p + 1) / parts));
  }
  std::sort(lists.begin(), lists.end());

  Groups groups;
  groups.group_of.resize(n);
  for (std::uint32_t g = 0; g < lists.size(); ++g) {
    groups.first_member.push_back(static_cast<std::uint32_t>(groups.members.size()));
    for (const std::uint32_t i : lists[g]) {
      groups.group_of[i] = g;
      groups.members.push_back(i);
    }
  }
  groups.first_member.push_back(n);
  std::vector<Edge> edges;
  edges.reserve(plan.successors.size());
  for (std::uint32_t u = 0; u < n; ++u)
    for (std::uint32_t e = plan.first_successor[u]; e < plan.first_successor[u + 1]; ++e)
      edges.push_back(
          {NodeId{groups.group_of[u]}, NodeId{groups.group_of[plan.successors[e]]}, plan.distances[e]});
  const auto size = static_cast<std::uint32_t>(lists.size());
  groups.set_edges(size, reduced(std::move(edges), size));
  for (const PlanMessage& m : plan.messages) ++groups.in_degree[groups.group_of[m.node]];
  return groups;
}

}  // namespace tutti
