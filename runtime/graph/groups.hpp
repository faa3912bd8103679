// Nodes that are replayed as one: where tasks are so short that counting tokens for each would cost more than
// they do.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/graph/plan.hpp"

namespace tutti {

/// The nodes of a plan in groups, and the edges between groups. The members of a group are tiles of one
/// operation with the same home, so none depends on another within a step; they fire one after the other. A
/// group waits for all that any of its members waits for. Members have the same neighbours outside of their
/// home's own tasks, so nobody who waits for something else waits for a group.
///
/// An edge of the plan lies on a cycle of total distance 1, and so does the edge between groups that it
/// becomes: one token at a time, as in the plan.
struct Groups : TokenEdges {
  std::vector<std::uint32_t> group_of;  ///< by node
  std::vector<std::uint32_t>
      first_member;                    ///< by group, in the order of their first members; one past the end
  std::vector<std::uint32_t> members;  ///< nodes, in program order

  std::uint32_t size() const { return static_cast<std::uint32_t>(in_degree.size()); }
  std::uint32_t copy_of(const Plan& plan, std::uint32_t group) const {
    return plan.nodes[members[first_member[group]]].copy;
  }
  /// Counters before the first group of `copy` runs, when all earlier copies of the cycle are done: tokens of
  /// edges from later copies lie ready, send buffers are free, no message has arrived.
  std::vector<std::uint32_t> initial_counters(const Plan& plan, std::uint32_t copy) const;
};

/// Puts nodes of operation k into groups if `may_group(k)`, at most `largest` into one; all others stay
/// alone.
Groups make_groups(const Plan& plan, const std::function<bool(std::uint32_t operation)>& may_group,
                   std::uint32_t largest);

}  // namespace tutti
