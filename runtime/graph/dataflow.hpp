// Pass 3, analyse: from a program to a cyclic dataflow graph of one rank.
//
// Everything that nodes read or write is a datum: a tile, a ghost region, the copy of a remote tile, a
// scalar, a partial or accumulated result. Program order and accesses give the edges. An edge of distance 1
// reaches into the next cycle. Every edge lies on a cycle of total distance 1, so at most one token is ever
// in flight on it.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/graph/ghosts.hpp"

namespace tutti {

enum class NodeKind : std::uint8_t {
  run,      ///< a kernel on a tile
  compute,  ///< a kernel on scalars
  decide,   ///< a predicate that may end the run
  combine,  ///< partial results of tiles and of child ranks into one
  copy,     ///< cells of this rank into its own ghosts (periodic boundaries)
  send,     ///< pack and start a message
  receive,  ///< a message has arrived: unpack
};

/// A part of a message.
struct MessageItem {
  enum class What : std::uint8_t { cells, accumulator, scalar } what = What::cells;
  std::int32_t store = -1;     ///< cells and scalar
  Shape shape = Shape::faces;  ///< cells: Shape::tiles if they land in a copy of the whole tile
  Region region;               ///< cells
  std::uint32_t pattern = 0;   ///< cells: index into Ghosts::patterns
  std::uint32_t slot = 0;      ///< accumulator
  std::uint64_t bytes = 0;
};

struct Message {
  RankId partner;
  bool sending = false;
  std::uint32_t tag = 0;  ///< index within the ordered pair of ranks, the same on both sides
  std::vector<MessageItem> items;
  std::uint64_t bytes = 0;
};

struct LocalCopy {
  std::int32_t store = 0;
  Region region;
};

/// One reduction: tiles leave partial results, `combine` merges them with those of the children in a binary
/// tree over ranks; the root writes the scalar and sends it back down the tree.
struct ReductionDraft {
  std::uint32_t operation = 0;
  std::uint32_t slot = 0;                  ///< this rank's accumulator
  std::vector<std::uint32_t> child_slots;  ///< those that arrive from child ranks
  bool is_root = false;
};

struct Draft {
  NodeKind kind = NodeKind::run;
  std::uint32_t operation = 0;
  TileId tile;
  WorkerId home;
  std::uint32_t payload = 0;  ///< index of its message, copy or reduction
  std::uint32_t first_access = 0;
  std::uint32_t last_access = 0;
};

struct DatumAccess {
  DatumId datum;
  bool writes = false;
  std::uint32_t producer =
      no_producer;  ///< reads: the node whose value it gets, if the cycle writes the datum
  static constexpr std::uint32_t no_producer = ~0U;
};

struct Edge {
  NodeId from;
  NodeId to;
  std::uint8_t distance = 0;
  auto operator<=>(const Edge&) const = default;
};

struct Dataflow {
  std::vector<Draft> nodes;  ///< in program order; sends of an exchange stand before its receives
  std::vector<DatumAccess> accesses;
  std::vector<Message> messages;
  std::vector<LocalCopy> copies;
  std::vector<ReductionDraft> reductions;
  std::vector<std::uint32_t>
      first_datum;  ///< by store: a scalar, or the first of the own tiles, in rank order
  std::uint32_t datum_count = 0;
  std::vector<std::int32_t> store_of;  ///< by datum: the store whose tile, ghost or value it is, else -1
  std::uint32_t slot_count = 0;
  std::vector<Edge> edges;  ///< ordered by `to`
};

/// Size at which a piece of an exchange travels in a message of its own, as soon as its tile is done. Smaller
/// pieces for one neighbour travel together.
inline constexpr std::uint64_t large_message_bytes = 32 * 1024;
/// Bytes of an accumulator: a reproducible sum, or one value.
inline constexpr std::uint32_t slot_bytes = 64;

Dataflow analyse(const Program& program, const Ghosts& ghosts, RankId rank, std::uint32_t ranks,
                 std::uint32_t workers);

/// Fills `edges` (and the producers of accesses) from the nodes, in program order, and what they access.
void find_edges(Dataflow& flow);

/// Sorts the accesses of the last node, from `first_access` on, merges those to the same datum and sets
/// `last_access`.
void end_node(Dataflow& flow);

/// Throws std::logic_error if an edge lies on no cycle of total distance exactly 1. For tests: costs
/// O(edges x nodes).
void check_single_token(const Dataflow& flow);

}  // namespace tutti
