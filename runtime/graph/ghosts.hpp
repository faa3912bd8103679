// Pass 2, ghosts: what this rank reads of other ranks' tiles, what they read of its own, and when.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "runtime/comm/transport.hpp"
#include "runtime/graph/program.hpp"

namespace tutti {

/// One way of reading beyond one's own block: the halo of a grid (shared by all halo accesses of a graph,
/// with the largest reach among them), one `tiles(fn)` access, all tiles of a layout (shared by the whole()
/// accesses of a graph), or the columns of one matrix.
struct GhostPattern {
  std::shared_ptr<const Layout> layout;   ///< of what is read
  std::shared_ptr<const Layout> readers;  ///< tiles(fn), whole(): whose tiles read
  Shape shape = Shape::faces;             ///< whole(): Shape::tiles
  bool whole = false;
  int radius = 0;
  std::uint32_t statement = 0;  ///< tiles(fn): which access it is
  std::uint32_t access = 0;
  std::shared_ptr<const ColumnMap> columns{};  ///< columns(A)

  /// What this rank reads. Halo: ghost_regions(rank, radius, shape). Tiles: whole remote tiles. Columns: the
  /// rows of remote tiles that any of its tiles reads, one region for each such tile in increasing order.
  std::vector<Region> regions;
  std::vector<std::uint32_t> local;                       ///< regions whose producer is this rank (periodic)
  std::map<RankId, std::vector<std::uint32_t>> incoming;  ///< regions by the rank that has them
  std::map<RankId, std::vector<Region>> outgoing;         ///< what others read of this rank, in their order
  std::map<TileId, std::vector<TileId>>
      tiles_read;  ///< tiles(fn), whole(): what each of this rank's tiles reads

  /// Columns: the region of a remote tile, by its index.
  std::uint32_t region_of(TileId producer) const;
  /// Where a region is on its owner's side, and where it lands on the reader's, in stores of that rank.
  Piece source(const Store& store, const Region& region) const;
  Piece target(Store& store, const Region& region) const;
};

/// Ghosts of `store` are brought up to date through `pattern` right before operation `operation`: that of
/// their first reader, or an earlier one of the same step, so that several exchanges are done together.
struct Exchange {
  std::uint32_t operation = 0;
  std::uint32_t pattern = 0;
  std::int32_t store = 0;
  bool operator==(const Exchange&) const = default;
};

struct Ghosts {
  std::vector<GhostPattern> patterns;
  /// pattern_of[operation][access]: index into patterns, -1 where the access stays in its tile.
  std::vector<std::vector<std::int32_t>> pattern_of;
  /// Exchanges inside the cycle, by operation: where a reader needs what was written since the last one.
  std::vector<Exchange> exchanges;
  /// entry[j]: ghosts that a run starting at copy j finds up to date in the cycle, and therefore must bring
  /// up to date itself before it starts (`operation` is unused).
  std::vector<std::vector<Exchange>> entry;
};

/// What this rank needs; `outgoing` is still empty. Throws Error(usage) if tiles(fn) names a tile that no
/// rank owns.
Ghosts find_ghosts(const Program& program, RankId rank);

/// The needs of this rank as messages to the owners, and back: fills `outgoing` from what arrived.
std::map<RankId, Bytes> encode_needs(const Ghosts& ghosts);
void decode_needs(const std::map<RankId, Bytes>& arrived, RankId rank, Ghosts& ghosts);

}  // namespace tutti
