#include "runtime/graph/dataflow.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <stdexcept>
#include <unordered_map>

#include "runtime/error.hpp"

namespace tutti {
namespace {

/// Numbers the data that nodes access.
class Data {
 public:
  Data(const Program& program, const Ghosts& ghosts, RankId rank)
      : program_(program), ghosts_(ghosts), rank_(rank) {
    for (std::size_t s = 0; s < program.stores.size(); ++s) {
      const Store& store = *program.stores[s];
      const std::size_t n = store.is_scalar() ? 1 : store.layout()->tiles_of(rank).size();
      first_.push_back(fresh(static_cast<std::uint32_t>(n), static_cast<std::int32_t>(s)));
    }
    stores_ = program.stores.size();
    regions_.assign(ghosts.patterns.size() * stores_, unused);
    ghost_tiles_.resize(stores_);
  }

  std::uint32_t fresh(std::uint32_t n = 1, std::int32_t store = -1) {
    count_ += n;
    store_of_.resize(count_, store);
    return count_ - n;
  }
  DatumId scalar(std::int32_t store) const { return DatumId{first_[static_cast<std::size_t>(store)]}; }
  DatumId own_tile(std::int32_t store, TileId tile) const {
    return DatumId{first_[static_cast<std::size_t>(store)] + layout(store).index_in_rank(tile)};
  }
  DatumId tile(std::int32_t store, TileId tile) {
    if (layout(store).owner(tile) == rank_) return own_tile(store, tile);
    const auto [it, is_new] = ghost_tiles_[static_cast<std::size_t>(store)].emplace(tile, count_);
    if (is_new) fresh(1, store);
    return DatumId{it->second};
  }
  DatumId region(std::uint32_t pattern, std::int32_t store, std::uint32_t region) {
    std::uint32_t& first = regions_[pattern * stores_ + static_cast<std::size_t>(store)];
    if (first == unused)
      first = fresh(static_cast<std::uint32_t>(ghosts_.patterns[pattern].regions.size()), store);
    return DatumId{first + region};
  }
  std::uint32_t count() const { return count_; }
  const std::vector<std::uint32_t>& first() const { return first_; }
  const std::vector<std::int32_t>& store_of() const { return store_of_; }

 private:
  static constexpr std::uint32_t unused = ~0U;
  const Layout& layout(std::int32_t store) const {
    return *program_.stores[static_cast<std::size_t>(store)]->layout();
  }
  const Program& program_;
  const Ghosts& ghosts_;
  RankId rank_;
  std::size_t stores_ = 0;
  std::uint32_t count_ = 0;
  std::vector<std::int32_t> store_of_;  // by datum
  std::vector<std::uint32_t> first_;    // by store
  std::vector<std::uint32_t> regions_;  // by pattern and store
  std::vector<std::unordered_map<TileId, std::uint32_t>> ghost_tiles_;
};

/// Lists the nodes of one cycle in program order, with what they access.
class NodeLister {
 public:
  NodeLister(const Program& program, const Ghosts& ghosts, RankId rank, std::uint32_t ranks,
             std::uint32_t workers)
      : program_(program),
        ghosts_(ghosts),
        rank_(rank),
        ranks_(ranks),
        workers_(workers),
        data_(program, ghosts, rank),
        halo_needs_(ghosts.patterns.size()) {}

  Dataflow run() {
    auto exchange = ghosts_.exchanges.begin();
    for (operation_ = 0; operation_ < program_.operations.size(); ++operation_) {
      const auto first = exchange;
      while (exchange != ghosts_.exchanges.end() && exchange->operation == operation_) ++exchange;
      add_exchanges({first, exchange});
      const BoundOperation& op = program_.operations[operation_];
      switch (op.operation->kind) {
        case OperationKind::each:
          add_tiles(op, unused);
          break;
        case OperationKind::reduce:
          add_reduction(op);
          break;
        case OperationKind::compute:
          add_scalar(op, NodeKind::compute);
          break;
        case OperationKind::stop_when:
          add_scalar(op, NodeKind::decide);
          break;
      }
    }
    flow_.first_datum = data_.first();
    flow_.datum_count = data_.count();
    flow_.store_of = data_.store_of();
    return std::move(flow_);
  }

 private:
  static constexpr std::uint32_t unused = ~0U;

  void begin(NodeKind kind, TileId tile, WorkerId home, std::uint32_t payload = 0) {
    flow_.nodes.push_back(
        {kind, operation_, tile, home, payload, static_cast<std::uint32_t>(flow_.accesses.size()), 0});
  }
  void access(DatumId datum, bool writes) {
    flow_.accesses.push_back({datum, writes, DatumAccess::no_producer});
  }
  void end() { end_node(flow_); }

  // -- exchanges --------------------------------------------------------------------------------------------

  void add_exchanges(const std::vector<Exchange>& now) {
    std::map<RankId, std::vector<MessageItem>> outgoing;
    std::map<RankId, std::vector<MessageItem>> incoming;
    for (const Exchange& x : now) {
      const GhostPattern& p = ghosts_.patterns[x.pattern];
      for (const auto& [to, regions] : p.outgoing)
        for (const Region& r : regions) outgoing[to].push_back(item(x, r));
      for (const auto& [from, regions] : p.incoming)
        for (const std::uint32_t r : regions) incoming[from].push_back(item(x, p.regions[r]));
    }
    for (const auto& [to, items] : outgoing) add_messages(to, true, items);
    for (const Exchange& x : now) add_local_copies(x);
    for (const auto& [from, items] : incoming) add_messages(from, false, items);
  }

  MessageItem item(const Exchange& x, const Region& region) const {
    const std::uint64_t bytes = static_cast<std::uint64_t>(region.size()) *
                                program_.stores[static_cast<std::size_t>(x.store)]->type().size_bytes;
    return {
        MessageItem::What::cells, x.store, ghosts_.patterns[x.pattern].shape, region, x.pattern, 0, bytes};
  }

  // Both sides see the same items in the same order, so they cut them into the same messages.
  void add_messages(RankId partner, bool sending, const std::vector<MessageItem>& items) {
    std::vector<MessageItem> together;
    for (const MessageItem& i : items) {
      if (i.bytes >= large_message_bytes)
        add_message(partner, sending, {i});
      else
        together.push_back(i);
    }
    if (!together.empty()) add_message(partner, sending, std::move(together));
  }

  void add_message(RankId partner, bool sending, std::vector<MessageItem> items) {
    const Layout& layout = *program_.stores[static_cast<std::size_t>(items[0].store)]->layout();
    begin(sending ? NodeKind::send : NodeKind::receive, items[0].region.producer,
          sending ? layout.home(items[0].region.producer, workers_) : reader_home(layout, items[0]),
          static_cast<std::uint32_t>(flow_.messages.size()));
    for (const MessageItem& i : items)
      access(sending ? data_.own_tile(i.store, i.region.producer) : ghost_datum(i), !sending);
    end();
    push_message(partner, sending, std::move(items));
  }

  void push_message(RankId partner, bool sending, std::vector<MessageItem> items) {
    Message m{partner, sending, tags_[sending][partner]++, std::move(items), 0};
    for (const MessageItem& i : m.items) m.bytes += i.bytes;
    flow_.messages.push_back(std::move(m));
  }

  DatumId ghost_datum(const MessageItem& i) {
    if (i.shape == Shape::tiles) return data_.tile(i.store, i.region.producer);
    const auto& regions = ghosts_.patterns[i.pattern].regions;
    const auto at = std::find(regions.begin(), regions.end(), i.region) - regions.begin();
    return data_.region(i.pattern, i.store, static_cast<std::uint32_t>(at));
  }

  // The worker near which a ghost lands: the home of the own tile next to it.
  WorkerId reader_home(const Layout& layout, const MessageItem& i) const {
    if (i.shape == Shape::tiles || i.shape == Shape::columns)
      return WorkerId{i.region.producer.value % workers_};
    const Box ghost = shifted(i.region.box, i.region.shift);
    return home_at(layout, ghost.lo);
  }

  WorkerId home_at(const Layout& layout, Index3 cell) const {
    const Box block = layout.block(rank_);
    for (int d = 0; d < 3; ++d) cell[d] = std::clamp(cell[d], block.lo[d], block.hi[d] - 1);
    for (const TileId t : layout.tiles_of(rank_))
      if (layout.tile_box(t).contains({cell, {cell[0] + 1, cell[1] + 1, cell[2] + 1}}))
        return layout.home(t, workers_);
    return WorkerId{0};
  }

  void add_local_copies(const Exchange& x) {
    const GhostPattern& p = ghosts_.patterns[x.pattern];
    for (const std::uint32_t r : p.local) {
      const Region& region = p.regions[r];
      begin(NodeKind::copy, region.producer, p.layout->home(region.producer, workers_),
            static_cast<std::uint32_t>(flow_.copies.size()));
      access(data_.own_tile(x.store, region.producer), false);
      access(data_.region(x.pattern, x.store, r), true);
      end();
      flow_.copies.push_back({x.store, region});
    }
  }

  // -- operations -------------------------------------------------------------------------------------------

  void add_tiles(const BoundOperation& op, std::uint32_t first_partial) {
    const Layout& layout = *op.operation->space;
    for (const TileId tile : layout.tiles_of(rank_)) {
      begin(NodeKind::run, tile, layout.home(tile, workers_));
      for (std::uint32_t a = 0; a < op.stores.size(); ++a) add_access(op, a, layout, tile);
      if (first_partial != unused) access(DatumId{first_partial + layout.index_in_rank(tile)}, true);
      end();
    }
  }

  void add_access(const BoundOperation& op, std::uint32_t a, const Layout& layout, TileId tile) {
    const std::int32_t store = op.stores[a];
    if (store < 0) return;  // the step number never changes under a node
    const Access& wanted = op.operation->accesses[a];
    if (program_.stores[static_cast<std::size_t>(store)]->is_scalar())
      return access(data_.scalar(store), false);
    const std::int32_t pattern = ghosts_.pattern_of[operation_][a];
    if (wanted.pattern.shape == Shape::columns)
      return add_columns(static_cast<std::uint32_t>(pattern), store, layout, tile);
    if (wanted.pattern.shape != Shape::tiles) access(data_.own_tile(store, tile), wanted.mode != Mode::read);
    if (pattern < 0) return;
    const GhostPattern& p = ghosts_.patterns[static_cast<std::size_t>(pattern)];
    if (p.shape == Shape::tiles) {
      for (const TileId t : p.tiles_read.at(tile)) access(data_.tile(store, t), false);
      return;
    }
    const HaloNeed& need = halo_need(static_cast<std::uint32_t>(pattern), tile, wanted.pattern);
    for (const TileId t : need.own_tiles) access(data_.own_tile(store, t), false);
    for (const std::uint32_t r : need.regions)
      access(data_.region(static_cast<std::uint32_t>(pattern), store, r), false);
  }

  void add_columns(std::uint32_t pattern, std::int32_t store, const Layout& layout, TileId tile) {
    const GhostPattern& p = ghosts_.patterns[pattern];
    if (p.columns->is_square()) access(data_.own_tile(store, tile), false);
    for (const ColumnMap::Part& part : p.columns->parts[layout.index_in_rank(tile)])
      access(p.layout->owner(part.producer) == rank_
                 ? data_.own_tile(store, part.producer)
                 : data_.region(pattern, store, p.region_of(part.producer)),
             false);
  }

  // Halo needs depend on the pattern, the reach and the tile only; copies of an operation share them.
  const HaloNeed& halo_need(std::uint32_t pattern, TileId tile, const Pattern& wanted) {
    const GhostPattern& p = ghosts_.patterns[pattern];
    auto& needs = halo_needs_[pattern][{wanted.radius, wanted.shape}];
    if (needs.empty())
      for (const TileId t : p.layout->tiles_of(rank_))
        needs.push_back(p.layout->halo_need(t, wanted.radius, wanted.shape, p.regions));
    return needs[p.layout->index_in_rank(tile)];
  }

  void add_scalar(const BoundOperation& op, NodeKind kind) {
    begin(kind, TileId{0}, WorkerId{0});
    for (const std::int32_t store : op.stores)
      if (store >= 0) access(data_.scalar(store), false);
    if (op.target >= 0) access(data_.scalar(op.target), true);
    if (kind == NodeKind::decide) access(gate(op.statement), true);
    end();
  }

  // The decisions of one stop_when are taken in the order of steps.
  DatumId gate(std::uint32_t statement) {
    const auto [it, is_new] = gates_.emplace(statement, 0);
    if (is_new) it->second = data_.fresh();
    return DatumId{it->second};
  }

  // -- reductions -------------------------------------------------------------------------------------------

  void add_reduction(const BoundOperation& op) {
    const auto tiles = static_cast<std::uint32_t>(op.operation->space->tiles_of(rank_).size());
    const std::uint32_t partials = data_.fresh(tiles);
    add_tiles(op, partials);

    ReductionDraft r{operation_, flow_.slot_count++, {}, rank_.value == 0};
    const DatumId own = DatumId{data_.fresh()};
    std::vector<DatumId> arrived;
    for (const RankId child : children()) {
      r.child_slots.push_back(flow_.slot_count++);
      arrived.push_back(DatumId{data_.fresh()});
      begin(NodeKind::receive, TileId{0}, WorkerId{0}, static_cast<std::uint32_t>(flow_.messages.size()));
      access(arrived.back(), true);
      end();
      push_message(child, false, {accumulator(r.child_slots.back())});
    }
    begin(NodeKind::combine, TileId{0}, WorkerId{0}, static_cast<std::uint32_t>(flow_.reductions.size()));
    for (std::uint32_t t = 0; t < tiles; ++t) access(DatumId{partials + t}, false);
    for (const DatumId d : arrived) access(d, false);
    access(own, true);
    if (r.is_root) access(data_.scalar(op.target), true);
    end();
    if (!r.is_root) {
      const RankId parent{(rank_.value - 1) / 2};
      add_small(parent, true, accumulator(r.slot), own, false);
      add_small(parent, false, scalar(op.target), data_.scalar(op.target), true);
    }
    for (const RankId child : children())
      add_small(child, true, scalar(op.target), data_.scalar(op.target), false);
    flow_.reductions.push_back(std::move(r));
  }

  void add_small(RankId partner, bool sending, const MessageItem& item, DatumId datum, bool writes) {
    begin(sending ? NodeKind::send : NodeKind::receive, TileId{0}, WorkerId{0},
          static_cast<std::uint32_t>(flow_.messages.size()));
    access(datum, writes);
    end();
    push_message(partner, sending, {item});
  }

  static MessageItem accumulator(std::uint32_t slot) {
    return {MessageItem::What::accumulator, -1, Shape::own, {}, 0, slot, slot_bytes};
  }
  MessageItem scalar(std::int32_t store) const {
    return {MessageItem::What::scalar,
            store,
            Shape::own,
            {},
            0,
            0,
            program_.stores[static_cast<std::size_t>(store)]->type().size_bytes};
  }

  std::vector<RankId> children() const {
    std::vector<RankId> out;
    for (std::uint32_t c = 2 * rank_.value + 1; c <= 2 * rank_.value + 2 && c < ranks_; ++c)
      out.emplace_back(c);
    return out;
  }

  const Program& program_;
  const Ghosts& ghosts_;
  RankId rank_;
  std::uint32_t ranks_;
  std::uint32_t workers_;
  Data data_;
  Dataflow flow_;
  std::uint32_t operation_ = 0;
  std::array<std::map<RankId, std::uint32_t>, 2> tags_;
  std::map<std::uint32_t, std::uint32_t> gates_;  // by statement
  std::vector<std::map<std::pair<int, Shape>, std::vector<HaloNeed>>> halo_needs_;
};

/// Derives the edges: each node against the last writer and the readers since, over two rounds of the cycle.
class EdgeFinder {
 public:
  explicit EdgeFinder(Dataflow& flow)
      : flow_(flow), writer_(flow.datum_count), readers_(flow.datum_count, none) {}

  void run() {
    for (round_ = 0; round_ < 2; ++round_)
      for (std::uint32_t n = 0; n < flow_.nodes.size(); ++n) visit(n);
  }

 private:
  static constexpr std::uint32_t none = ~0U;
  struct Visit {
    std::uint32_t node = none;
    std::uint32_t round = 0;
  };
  struct Reader {
    Visit visit;
    std::uint32_t next = none;
  };

  void visit(std::uint32_t n) {
    sources_.clear();
    const Draft& node = flow_.nodes[n];
    for (std::uint32_t a = node.first_access; a < node.last_access; ++a) {
      DatumAccess& access = flow_.accesses[a];
      const std::size_t d = access.datum.index();
      if (!access.writes) {
        add_source(writer_[d]);
        access.producer = writer_[d].node;
        pool_.push_back({{n, round_}, readers_[d]});
        readers_[d] = static_cast<std::uint32_t>(pool_.size() - 1);
        continue;
      }
      if (readers_[d] == none) add_source(writer_[d]);
      for (std::uint32_t r = readers_[d]; r != none; r = pool_[r].next) add_source(pool_[r].visit);
      readers_[d] = none;
      writer_[d] = {n, round_};
    }
    if (round_ == 1) add_edges(n);
  }

  void add_source(const Visit& from) {
    if (from.node != none)
      sources_.push_back({NodeId{from.node}, NodeId{0}, static_cast<std::uint8_t>(round_ - from.round)});
  }

  // Of two edges between the same nodes the one of distance 0 implies the other. An edge to itself only
  // matters where nothing else holds the node back.
  void add_edges(std::uint32_t n) {
    std::sort(sources_.begin(), sources_.end());
    sources_.erase(std::unique(sources_.begin(), sources_.end(),
                               [](const Edge& a, const Edge& b) { return a.from == b.from; }),
                   sources_.end());
    std::erase_if(sources_, [&](const Edge& e) { return e.from.value == n; });
    if (sources_.empty()) sources_.push_back({NodeId{n}, NodeId{n}, 1});
    for (Edge& e : sources_) {
      e.to = NodeId{n};
      flow_.edges.push_back(e);
    }
  }

  Dataflow& flow_;
  std::uint32_t round_ = 0;
  std::vector<Visit> writer_;           // by datum
  std::vector<std::uint32_t> readers_;  // by datum: head of a list in pool_
  std::vector<Reader> pool_;
  std::vector<Edge> sources_;
};

}  // namespace

Dataflow analyse(const Program& program, const Ghosts& ghosts, RankId rank, std::uint32_t ranks,
                 std::uint32_t workers) {
  Dataflow flow = NodeLister(program, ghosts, rank, ranks, workers).run();
  find_edges(flow);
  return flow;
}

void find_edges(Dataflow& flow) { EdgeFinder(flow).run(); }

void end_node(Dataflow& flow) {
  Draft& node = flow.nodes.back();
  auto& all = flow.accesses;
  const auto first = all.begin() + node.first_access;
  std::sort(first, all.end(), [](const DatumAccess& a, const DatumAccess& b) {
    return a.datum != b.datum ? a.datum < b.datum : a.writes > b.writes;
  });
  all.erase(std::unique(first, all.end(),
                        [](const DatumAccess& a, const DatumAccess& b) { return a.datum == b.datum; }),
            all.end());
  node.last_access = static_cast<std::uint32_t>(all.size());
}

void check_single_token(const Dataflow& flow) {
  const auto n = flow.nodes.size();
  std::vector<std::vector<std::pair<std::uint32_t, int>>> out(n);
  for (const Edge& e : flow.edges) out[e.from.index()].emplace_back(e.to.value, e.distance);
  for (const Edge& e : flow.edges) {
    // shortest distance from e.to back to e.from must close a cycle of length 1
    std::vector<int> best(n, 1 << 20);
    std::deque<std::uint32_t> queue{e.to.value};
    best[e.to.index()] = 0;
    while (!queue.empty()) {
      const std::uint32_t u = queue.front();
      queue.pop_front();
      for (const auto& [v, d] : out[u])
        if (best[u] + d < best[v]) {
          best[v] = best[u] + d;
          if (d == 0)
            queue.push_front(v);
          else
            queue.push_back(v);
        }
    }
    if (best[e.from.index()] + e.distance != 1)
      throw std::logic_error(
          fmt::format("edge {} -> {} (distance {}) lies on a shortest cycle of distance {}", e.from.value,
                      e.to.value, e.distance, best[e.from.index()] + e.distance));
  }
}

}  // namespace tutti
