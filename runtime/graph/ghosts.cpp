#include "runtime/graph/ghosts.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include "runtime/error.hpp"

namespace tutti {
namespace {

class GhostFinder {
 public:
  GhostFinder(const Program& program, RankId rank) : program_(program), rank_(rank) {}

  Ghosts run() {
    for (const BoundOperation& op : program_.operations) {
      auto& patterns = ghosts_.pattern_of.emplace_back();
      for (std::uint32_t a = 0; a < op.stores.size(); ++a) patterns.push_back(pattern_for(op, a));
    }
    for (GhostPattern& p : ghosts_.patterns) fill_regions(p);
    schedule();
    gather_exchanges();
    return std::move(ghosts_);
  }

 private:
  std::int32_t pattern_for(const BoundOperation& op, std::uint32_t a) {
    const Pattern& wanted = op.operation->accesses[a].pattern;
    if (wanted.shape == Shape::columns) return pattern_for(wanted.columns);
    if (wanted.shape == Shape::tiles || wanted.shape == Shape::whole) return tile_pattern_for(op, a, wanted);
    if (wanted.shape == Shape::own || wanted.radius == 0) return -1;
    for (std::size_t i = 0; i < ghosts_.patterns.size(); ++i) {
      GhostPattern& p = ghosts_.patterns[i];
      if (p.columns || p.shape == Shape::tiles || !(*p.layout == *op.operation->space)) continue;
      p.radius = std::max(p.radius, wanted.radius);
      p.shape = std::max(p.shape, wanted.shape);
      return static_cast<std::int32_t>(i);
    }
    GhostPattern p;
    p.layout = op.operation->space;
    p.shape = wanted.shape;
    p.radius = wanted.radius;
    ghosts_.patterns.push_back(std::move(p));
    return static_cast<std::int32_t>(ghosts_.patterns.size() - 1);
  }

  std::int32_t tile_pattern_for(const BoundOperation& op, std::uint32_t a, const Pattern& wanted) {
    const auto& layout = program_.stores[static_cast<std::size_t>(op.stores[a])]->layout();
    const bool whole = wanted.shape == Shape::whole;
    for (std::size_t i = 0; i < ghosts_.patterns.size(); ++i) {
      const GhostPattern& p = ghosts_.patterns[i];
      if (p.shape != Shape::tiles || p.whole != whole) continue;
      if (whole ? *p.layout == *layout && *p.readers == *op.operation->space
                : p.statement == op.statement && p.access == a)
        return static_cast<std::int32_t>(i);
    }
    GhostPattern p;
    p.layout = layout;
    p.readers = op.operation->space;
    p.shape = Shape::tiles;
    p.whole = whole;
    p.statement = op.statement;
    p.access = a;
    list_tiles(op, wanted, p);
    ghosts_.patterns.push_back(std::move(p));
    return static_cast<std::int32_t>(ghosts_.patterns.size() - 1);
  }

  std::int32_t pattern_for(const std::shared_ptr<const ColumnMap>& columns) {
    const auto same = [&](const GhostPattern& p) { return p.columns == columns; };
    auto found = std::find_if(ghosts_.patterns.begin(), ghosts_.patterns.end(), same);
    if (found == ghosts_.patterns.end()) {
      GhostPattern p;
      p.layout = columns->columns;
      p.shape = Shape::columns;
      p.columns = columns;
      found = ghosts_.patterns.insert(found, std::move(p));
    }
    return static_cast<std::int32_t>(found - ghosts_.patterns.begin());
  }

  void list_tiles(const BoundOperation& op, const Pattern& wanted, GhostPattern& p) const {
    std::vector<TileId> all;
    for (std::uint32_t t = 0; p.whole && t < p.layout->tile_count(); ++t) all.push_back(TileId{t});
    for (const TileId tile : p.readers->tiles_of(rank_)) {
      const auto& read = p.tiles_read[tile] = p.whole ? all : wanted.tiles(tile);
      for (const TileId t : read)
        if (t.value >= p.layout->tile_count())
          usage_error(
              "graph '{}', operation '{}': tiles(fn) of tile {} names tile {}, which no rank owns (there are "
              "{})",
              program_.record->name, op.operation->kernel.name, tile.value, t.value, p.layout->tile_count());
    }
  }

  void fill_regions(GhostPattern& p) const {
    if (p.shape == Shape::tiles) {
      std::set<TileId> remote;
      for (const auto& [tile, read] : p.tiles_read)
        for (const TileId t : read)
          if (p.layout->owner(t) != rank_) remote.insert(t);
      for (const TileId t : remote) p.regions.push_back({t, p.layout->tile_box(t), {0, 0, 0}});
    } else if (p.shape == Shape::columns) {
      list_rows(p);
    } else {
      p.regions = p.layout->ghost_regions(rank_, p.radius, p.shape);
    }
    for (std::uint32_t i = 0; i < p.regions.size(); ++i) {
      const RankId owner = p.layout->owner(p.regions[i].producer);
      if (owner == rank_)
        p.local.push_back(i);
      else
        p.incoming[owner].push_back(i);
    }
  }

  // The rows of each remote tile that any own tile reads.
  void list_rows(GhostPattern& p) const {
    std::map<TileId, std::vector<std::uint32_t>> remote;
    for (const auto& parts : p.columns->parts)
      for (const ColumnMap::Part& part : parts) {
        if (p.layout->owner(part.producer) == rank_) continue;
        auto& all = remote[part.producer];
        all.insert(all.end(), part.positions.begin(), part.positions.end());
      }
    for (auto& [tile, rows] : remote) {
      std::sort(rows.begin(), rows.end());
      rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
      p.regions.push_back({tile,
                           p.layout->tile_box(tile),
                           {0, 0, 0},
                           std::make_shared<const std::vector<std::uint32_t>>(std::move(rows))});
    }
  }

  // Two rounds of the cycle: the second sees what the first left, which is the steady state.
  void schedule() {
    using Key = std::pair<std::int32_t, std::int32_t>;  // pattern, store
    std::set<Key> fresh;
    for (int round = 0; round < 2; ++round) {
      std::uint32_t copy = 0;
      for (std::uint32_t o = 0; o < program_.operations.size(); ++o) {
        const BoundOperation& op = program_.operations[o];
        for (; round == 1 && copy <= op.copy; ++copy) enter(copy, fresh);
        for (std::size_t a = 0; a < op.stores.size(); ++a) {
          const Key key{ghosts_.pattern_of[o][a], op.stores[a]};
          if (key.first < 0 || !fresh.insert(key).second) continue;
          if (round == 1) ghosts_.exchanges.push_back({o, static_cast<std::uint32_t>(key.first), key.second});
        }
        std::erase_if(fresh, [&](const Key& key) { return op.writes(key.second); });
      }
      for (; round == 1 && copy < program_.copies; ++copy) enter(copy, fresh);
    }
  }

  // Exchanges of one step that may be done together are, so that their small pieces travel in one message:
  // each moves to the earliest exchange of its step after which its store is not written any more. No reader
  // of its ghosts lies between, or it would have caused the exchange itself.
  void gather_exchanges() {
    for (Exchange& x : ghosts_.exchanges) {
      std::uint32_t earliest = x.operation;
      while (earliest > 0 &&
             program_.operations[earliest - 1].copy == program_.operations[x.operation].copy &&
             !program_.operations[earliest - 1].writes(x.store))
        --earliest;
      const auto place = std::find_if(ghosts_.exchanges.begin(), ghosts_.exchanges.end(),
                                      [&](const Exchange& other) { return other.operation >= earliest; });
      x.operation = std::min(x.operation, place->operation);
    }
    std::stable_sort(ghosts_.exchanges.begin(), ghosts_.exchanges.end(),
                     [](const Exchange& a, const Exchange& b) { return a.operation < b.operation; });
  }

  template <class Fresh>
  void enter(std::uint32_t copy, const Fresh& fresh) {
    ghosts_.entry.resize(copy + 1);
    for (const auto& [pattern, store] : fresh)
      if (is_read_first(copy, pattern, store))
        ghosts_.entry[copy].push_back({0, static_cast<std::uint32_t>(pattern), store});
  }

  // From this copy on, are these ghosts read before the store changes?
  bool is_read_first(std::uint32_t copy, std::int32_t pattern, std::int32_t store) const {
    const std::size_t n = program_.operations.size();
    std::size_t first = 0;
    while (first < n && program_.operations[first].copy < copy) ++first;
    for (std::size_t k = 0; k < n; ++k) {
      const std::size_t o = (first + k) % n;
      const BoundOperation& op = program_.operations[o];
      for (std::size_t a = 0; a < op.stores.size(); ++a)
        if (ghosts_.pattern_of[o][a] == pattern && op.stores[a] == store) return true;
      if (op.writes(store)) return false;
    }
    return false;
  }

  const Program& program_;
  RankId rank_;
  Ghosts ghosts_;
};

/// A region as it is sent to its owner; `position_count` positions follow.
struct Need {
  std::uint32_t pattern;
  TileId producer;
  Box box;
  Index3 shift;
  bool has_positions;
  std::uint64_t position_count;
};

void append(Bytes& bytes, const void* data, std::size_t n) {
  if (n == 0) return;
  bytes.resize(bytes.size() + n);
  std::memcpy(bytes.data() + bytes.size() - n, data, n);
}

}  // namespace

std::uint32_t GhostPattern::region_of(TileId producer) const {
  const auto at = std::lower_bound(regions.begin(), regions.end(), producer,
                                   [](const Region& r, TileId tile) { return r.producer < tile; });
  return static_cast<std::uint32_t>(at - regions.begin());
}

Piece GhostPattern::source(const Store& store, const Region& region) const {
  return {store.cells(region.box), store.type().size_bytes, 0, region.positions.get()};
}

Piece GhostPattern::target(Store& store, const Region& region) const {
  const std::uint32_t element_bytes = store.type().size_bytes;
  if (shape == Shape::tiles) return {store.ghost_tile(region.producer), element_bytes};
  if (shape == Shape::columns) return {store.ghost_rows(columns, region), element_bytes};
  return {store.cells(shifted(region.box, region.shift)), element_bytes};
}

Ghosts find_ghosts(const Program& program, RankId rank) { return GhostFinder(program, rank).run(); }

std::map<RankId, Bytes> encode_needs(const Ghosts& ghosts) {
  std::map<RankId, Bytes> out;
  for (std::uint32_t p = 0; p < ghosts.patterns.size(); ++p)
    for (const auto& [owner, regions] : ghosts.patterns[p].incoming)
      for (const std::uint32_t r : regions) {
        const Region& region = ghosts.patterns[p].regions[r];
        const std::uint64_t count = region.positions ? region.positions->size() : 0;
        const Need need{p, region.producer, region.box, region.shift, region.positions != nullptr, count};
        Bytes& bytes = out[owner];
        append(bytes, &need, sizeof need);
        if (count > 0) append(bytes, region.positions->data(), count * sizeof(std::uint32_t));
      }
  return out;
}

void decode_needs(const std::map<RankId, Bytes>& arrived, RankId rank, Ghosts& ghosts) {
  for (const auto& [reader, bytes] : arrived)
    for (std::size_t at = 0; at < bytes.size();) {
      Need need{};
      std::memcpy(&need, bytes.data() + at, sizeof need);
      at += sizeof need;
      Region region{need.producer, need.box, need.shift};
      if (need.has_positions) {
        std::vector<std::uint32_t> positions(need.position_count);
        const std::size_t n = positions.size() * sizeof(std::uint32_t);
        if (n > 0) std::memcpy(positions.data(), bytes.data() + at, n);
        at += n;
        region.positions = std::make_shared<const std::vector<std::uint32_t>>(std::move(positions));
      }
      GhostPattern& p = ghosts.patterns.at(need.pattern);
      if (p.layout->owner(region.producer) != rank)
        usage_error(
            "rank {} asked rank {} for tile {}, which rank {} owns: the ranks recorded different grids",
            reader.value, rank.value, region.producer.value, p.layout->owner(region.producer).value);
      p.outgoing[reader].push_back(std::move(region));
    }
}

}  // namespace tutti
