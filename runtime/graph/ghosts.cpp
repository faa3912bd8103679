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
    if (wanted.shape == Shape::own || (wanted.shape != Shape::tiles && wanted.radius == 0)) return -1;
    const bool tiles = wanted.shape == Shape::tiles;
    for (std::size_t i = 0; i < ghosts_.patterns.size(); ++i) {
      GhostPattern& p = ghosts_.patterns[i];
      if ((p.shape == Shape::tiles) != tiles || !(*p.layout == *op.operation->space)) continue;
      if (tiles && (p.statement != op.statement || p.access != a)) continue;
      if (!tiles) {
        p.radius = std::max(p.radius, wanted.radius);
        p.shape = std::max(p.shape, wanted.shape);
      }
      return static_cast<std::int32_t>(i);
    }
    GhostPattern p;
    p.layout = op.operation->space;
    p.shape = wanted.shape;
    p.radius = wanted.radius;
    p.statement = op.statement;
    p.access = a;
    if (tiles) list_tiles(op, wanted, p);
    ghosts_.patterns.push_back(std::move(p));
    return static_cast<std::int32_t>(ghosts_.patterns.size() - 1);
  }

  void list_tiles(const BoundOperation& op, const Pattern& wanted, GhostPattern& p) const {
    for (const TileId tile : p.layout->tiles_of(rank_)) {
      auto& read = p.tiles_read[tile] = wanted.tiles(tile);
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

struct Need {
  std::uint32_t pattern;
  Region region;
};

}  // namespace

Ghosts find_ghosts(const Program& program, RankId rank) { return GhostFinder(program, rank).run(); }

std::map<RankId, Bytes> encode_needs(const Ghosts& ghosts) {
  std::map<RankId, Bytes> out;
  for (std::uint32_t p = 0; p < ghosts.patterns.size(); ++p)
    for (const auto& [owner, regions] : ghosts.patterns[p].incoming)
      for (const std::uint32_t r : regions) {
        const Need need{p, ghosts.patterns[p].regions[r]};
        Bytes& bytes = out[owner];
        bytes.resize(bytes.size() + sizeof need);
        std::memcpy(bytes.data() + bytes.size() - sizeof need, &need, sizeof need);
      }
  return out;
}

void decode_needs(const std::map<RankId, Bytes>& arrived, RankId rank, Ghosts& ghosts) {
  for (const auto& [reader, bytes] : arrived)
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(Need)) {
      Need need{};
      std::memcpy(&need, bytes.data() + at, sizeof need);
      GhostPattern& p = ghosts.patterns.at(need.pattern);
      if (p.layout->owner(need.region.producer) != rank)
        usage_error(
            "rank {} asked rank {} for tile {}, which rank {} owns: the ranks recorded different grids",
            reader.value, rank.value, need.region.producer.value,
            p.layout->owner(need.region.producer).value);
      p.outgoing[reader].push_back(need.region);
    }
}

}  // namespace tutti
