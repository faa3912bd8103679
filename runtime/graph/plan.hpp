// Pass 4, lower: from the dataflow to an immutable plan, with every address resolved.
//
// A plan says what each node does (PlanNode), who follows it (successors) and how many tokens it waits for
// (in_degree). The moving parts of a replay, counters above all, live with the executor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/comm/transport.hpp"
#include "runtime/graph/dataflow.hpp"

namespace tutti {

/// In cache lines of its own: workers write into the tasks of their nodes.
struct alignas(64) PlanNode {
  NodeKind kind = NodeKind::run;
  std::uint32_t operation = 0;
  std::uint32_t copy = 0;     ///< the step of the cycle it belongs to
  std::uint32_t payload = 0;  ///< message, copy or reduction
  WorkerId home;
  Body body = nullptr;  ///< run, compute, decide
  const void* functor = nullptr;
  std::uint32_t first_argument = 0;
  void* result = nullptr;  ///< where the kernel's value goes; null for `decide` and kernels without a value
  Task task;               ///< `step` and `worker` are set each time the node is taken
};

struct PlanMessage {
  MessageSpec spec;
  std::vector<Piece> pieces;
  std::uint32_t node = 0;

  /// To or from the staging, all pieces.
  void pack() const {
    std::byte* to = spec.staging;
    for (const Piece& p : pieces) to += tutti::pack(p, to);
  }
  void unpack() const {
    const std::byte* from = spec.staging;
    for (const Piece& p : pieces) from += tutti::unpack(from, p);
  }
};

struct PlanCopy {
  Argument from;
  Argument to;
  std::uint32_t element_bytes = 0;
};

struct PlanReduction {
  Combine combine = Combine::sum;
  ElementType type;
  const std::byte* partials = nullptr;  ///< one value of 8 bytes per own tile
  std::uint32_t partial_count = 0;
  std::byte* slot = nullptr;  ///< this rank's accumulator
  std::vector<const std::byte*> child_slots;
  void* value = nullptr;  ///< the root's scalar, else null
};

/// A tile that a node reads through tiles(fn) and that another worker's node wrote: what an executor needs to
/// pass its contents on by other means.
struct ForeignInput {
  std::uint32_t node = 0;
  std::uint32_t producer = 0;  ///< there is an edge from it to `node`
  Argument tile;               ///< `bytes` bytes in a row
  std::uint32_t bytes = 0;
  /// Lets the kernel find the contents at another address.
  void redirect(void* data) const;

  const Parameter* parameter = nullptr;  ///< of the kernel
  std::byte* list = nullptr;             ///< the kernel's inputs
  std::uint32_t index = 0;               ///< in the list
  TileId id;
};

/// Which edges count: all, or only those between nodes of different workers.
enum class Edges : std::uint8_t { all, between_workers };

struct Plan {
  std::shared_ptr<const Program> program;  ///< keeps stores and kernels alive
  RankId rank;
  std::uint32_t ranks = 1;
  std::uint32_t workers = 1;

  std::vector<PlanNode> nodes;                 ///< in program order
  std::vector<std::uint32_t> first_node;       ///< by copy, and one past the end
  std::vector<std::uint32_t> first_successor;  ///< by node, and one past the end
  std::vector<std::uint32_t> successors;
  std::vector<std::uint8_t> distances;  ///< of the edge to each successor
  /// Tokens a node waits for: its in-edges, and for sends and receives one from the network.
  std::vector<std::uint32_t> in_degree;

  std::vector<Argument> arguments;
  std::vector<PlanMessage> messages;
  std::vector<PlanCopy> copies;
  std::vector<PlanReduction> reductions;
  std::vector<ForeignInput> foreign_inputs;  ///< those of a few bytes

  /// Counters before the first node of `copy` runs, when all earlier copies of the cycle are done: tokens of
  /// edges from later copies lie ready, send buffers are free, no message has arrived.
  /// `counters` is given one element per node.
  void initial_counters(std::uint32_t copy, Edges edges, std::vector<std::uint32_t>& counters) const;
  std::uint32_t copies_per_cycle() const { return program->copies; }
  const Operation& operation_of(const PlanNode& n) const {
    return *program->operations[n.operation].operation;
  }
  /// For messages and plots: "operation 'heat7' tile 12", "send to rank 1 (tag 3)", ...
  std::string describe(NodeId node) const;
  std::string to_dot() const;

  std::vector<std::byte> small_memory;                ///< accumulators and partial results
  std::unique_ptr<std::byte[]> staging;               ///< message buffers, unless the transport has its own
  std::vector<std::unique_ptr<std::byte[]>> inputs;   ///< lists of Input<T> of tiles(fn) accesses
  std::vector<std::unique_ptr<ColumnPart[]>> parts;   ///< lists of columns(A) accesses
  std::vector<std::vector<std::uint32_t>> positions;  ///< where they find values among a rank's ghosts
};

/// Resolves addresses in the program's stores; allocates staging and copies of remote tiles.
std::unique_ptr<Plan> lower(std::shared_ptr<const Program> program, const Ghosts& ghosts,
                            const Dataflow& flow, RankId rank, std::uint32_t ranks, std::uint32_t workers);

/// Does the work of a node: calls the kernel, copies, packs the message it is about to send or unpacks the
/// one that arrived. Returns what a `decide` node decided, false for all others. `node.task.step` must be
/// set.
bool perform(Plan& plan, PlanNode& node, WorkerId worker);

}  // namespace tutti
