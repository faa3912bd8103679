#include "runtime/graph/plan.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include "runtime/error.hpp"

namespace tutti {
namespace {

constexpr std::uint64_t line_bytes = 64;
constexpr std::uint32_t foreign_input_bytes = 24;  // more is not worth being passed on otherwise
constexpr std::uint64_t rounded(std::uint64_t bytes) {
  return (bytes + line_bytes - 1) / line_bytes * line_bytes;
}

Argument raw_bytes(void* data, std::uint64_t bytes) {
  const auto n = static_cast<std::int64_t>(bytes);
  return {data, n, n, {{0, 0, 0}, {1, 1, n}}, 0};
}

class Lowering {
 public:
  Lowering(std::shared_ptr<const Program> program, const Ghosts& ghosts, const Dataflow& flow)
      : program_(*program), ghosts_(ghosts), flow_(flow), plan_(std::make_unique<Plan>()) {
    plan_->program = std::move(program);
  }

  std::unique_ptr<Plan> run(RankId rank, std::uint32_t ranks, std::uint32_t workers) {
    plan_->rank = rank;
    plan_->ranks = ranks;
    plan_->workers = workers;
    reserve_small_memory();
    add_messages();
    for (const LocalCopy& c : flow_.copies) add_copy(c);
    add_reductions();
    plan_->nodes.reserve(flow_.nodes.size());
    for (const Draft& d : flow_.nodes) add_node(d);
    add_edges();
    return std::move(plan_);
  }

 private:
  Store& store(std::int32_t s) const { return *program_.stores[static_cast<std::size_t>(s)]; }

  // Accumulators first, then for each reduction one value of 8 bytes per own tile.
  void reserve_small_memory() {
    std::uint64_t bytes = flow_.slot_count * std::uint64_t{slot_bytes};
    for (std::uint32_t o = 0; o < program_.operations.size(); ++o) {
      partials_at_.push_back(bytes);
      const Operation& op = *program_.operations[o].operation;
      if (op.kind == OperationKind::reduce)
        bytes = rounded(bytes + 8 * op.space->tiles_of(plan_->rank).size());
    }
    plan_->small_memory.resize(bytes + line_bytes);
    const auto address = reinterpret_cast<std::uintptr_t>(plan_->small_memory.data());
    small_ = plan_->small_memory.data() + (rounded(address) - address);
  }
  std::byte* slot(std::uint32_t i) const { return small_ + i * std::uint64_t{slot_bytes}; }

  void add_messages() {
    std::uint64_t bytes = 0;
    for (const Message& m : flow_.messages) bytes += rounded(m.bytes) + line_bytes;
    plan_->staging = std::make_unique_for_overwrite<std::byte[]>(bytes + line_bytes);
    const auto address = reinterpret_cast<std::uintptr_t>(plan_->staging.get());
    std::byte* next = plan_->staging.get() + (rounded(address) - address);
    plan_->messages.reserve(flow_.messages.size());
    for (const Message& m : flow_.messages) {
      PlanMessage& out = plan_->messages.emplace_back();  // reserved: the address stays
      out.spec = {m.partner, m.tag, next, m.bytes, m.sending, &out.spec.staging};
      next += rounded(m.bytes);
      for (const MessageItem& i : m.items) {
        Piece& p = out.pieces.emplace_back(piece(i, m.sending));
        if (p.positions == nullptr) p.dense_bytes = dense_bytes(p.cells, p.element_bytes);
      }
    }
  }

  Piece piece(const MessageItem& i, bool sending) const {
    switch (i.what) {
      case MessageItem::What::accumulator:
        return {raw_bytes(slot(i.slot), slot_bytes), 1, 0};
      case MessageItem::What::scalar:
        return {raw_bytes(store(i.store).value(), i.bytes), 1, 0};
      case MessageItem::What::cells:
        break;
    }
    const GhostPattern& pattern = ghosts_.patterns[i.pattern];
    return sending ? pattern.source(store(i.store), i.region) : pattern.target(store(i.store), i.region);
  }

  void add_copy(const LocalCopy& c) {
    const Store& s = store(c.store);
    plan_->copies.push_back(
        {s.cells(c.region.box), s.cells(shifted(c.region.box, c.region.shift)), s.type().size_bytes});
  }

  void add_reductions() {
    for (const ReductionDraft& r : flow_.reductions) {
      const BoundOperation& op = program_.operations[r.operation];
      PlanReduction out;
      out.combine = op.operation->reduction.combine;
      out.type = op.operation->kernel.result;
      out.partials = small_ + partials_at_[r.operation];
      out.partial_count = static_cast<std::uint32_t>(op.operation->space->tiles_of(plan_->rank).size());
      out.slot = slot(r.slot);
      for (const std::uint32_t c : r.child_slots) out.child_slots.push_back(slot(c));
      out.value = r.is_root ? store(op.target).value() : nullptr;
      plan_->reductions.push_back(std::move(out));
    }
  }

  void add_node(const Draft& d) {
    const BoundOperation& bound = program_.operations[d.operation];
    const Operation& op = *bound.operation;
    PlanNode n;
    n.kind = d.kind;
    n.operation = d.operation;
    n.copy = bound.copy;
    n.payload = d.payload;
    n.home = d.home;
    n.task.tile = d.tile;
    n.task.rank = plan_->rank;
    n.first_argument = static_cast<std::uint32_t>(plan_->arguments.size());
    plan_->nodes.push_back(n);
    PlanNode& node = plan_->nodes.back();
    if (d.kind == NodeKind::send || d.kind == NodeKind::receive)
      plan_->messages[d.payload].node = static_cast<std::uint32_t>(plan_->nodes.size() - 1);
    if (d.kind != NodeKind::run && d.kind != NodeKind::compute && d.kind != NodeKind::decide) return;
    node.body = op.kernel.tile;
    node.functor = op.kernel.functor.get();
    if (d.kind == NodeKind::run) set_tile(node, op, bound);
    if (d.kind == NodeKind::compute) node.result = store(bound.target).value();
    for (std::uint32_t a = 0; a < bound.stores.size(); ++a) add_argument(node, bound, a, d);
  }

  void set_tile(PlanNode& node, const Operation& op, const BoundOperation& bound) const {
    const std::uint32_t index = op.space->index_in_rank(node.task.tile);
    node.task.box = op.space->tile_box(node.task.tile);
    node.task.first_of_rank = index == 0;
    if (op.kind == OperationKind::reduce)
      node.result =
          small_ + partials_at_[static_cast<std::size_t>(&bound - program_.operations.data())] + 8 * index;
  }

  void add_argument(PlanNode& node, const BoundOperation& bound, std::uint32_t a, const Draft& draft) {
    const Access& wanted = bound.operation->accesses[a];
    Argument argument;
    if (bound.stores[a] < 0) {
      argument.data = &node.task.step;  // nodes were reserved: the address stays
    } else if (Store& s = store(bound.stores[a]); s.is_scalar()) {
      argument.data = s.value();
    } else if (wanted.pattern.shape == Shape::tiles) {
      argument = input_list(node, bound, a, s, draft);
    } else if (wanted.pattern.shape == Shape::whole) {
      argument = s.cells(s.box());
    } else if (wanted.pattern.shape == Shape::columns) {
      argument = column_parts(node, a, bound.stores[a]);
    } else {
      argument = s.tile(node.task.tile);
    }
    plan_->arguments.push_back(argument);
  }

  Argument input_list(const PlanNode& node, const BoundOperation& bound, std::uint32_t a, Store& s,
                      const Draft& draft) {
    const GhostPattern& p = ghosts_.patterns[static_cast<std::size_t>(ghosts_.pattern_of[node.operation][a])];
    const auto& read = p.tiles_read.at(node.task.tile);
    auto list = std::make_unique<std::byte[]>(std::max<std::size_t>(1, read.size()) * input_bytes);
    for (std::uint32_t i = 0; i < read.size(); ++i) {
      const bool own = p.layout->owner(read[i]) == plan_->rank;
      bound.operation->kernel.parameters[a].make_input(
          list.get(), i, own ? s.tile(read[i]) : s.ghost_tile(read[i]), read[i]);
      if (own)
        add_foreign_input(
            draft, bound.stores[a],
            {static_cast<std::uint32_t>(&node - plan_->nodes.data()), 0, s.tile(read[i]),
             static_cast<std::uint32_t>(std::min<std::uint64_t>(
                 ~0U, static_cast<std::uint64_t>(s.tile(read[i]).box.size()) * s.type().size_bytes)),
             &bound.operation->kernel.parameters[a], list.get(), i, read[i]});
    }
    Argument argument;
    argument.data = list.get();
    argument.input_count = static_cast<std::uint32_t>(read.size());
    plan_->inputs.push_back(std::move(list));
    return argument;
  }

  // The copies of an operation read other stores through the same lists of positions.
  Argument column_parts(const PlanNode& node, std::uint32_t a, std::int32_t from) {
    const auto pattern = static_cast<std::uint32_t>(ghosts_.pattern_of[node.operation][a]);
    const GhostPattern& p = ghosts_.patterns[pattern];
    Store& s = store(from);
    const std::uint32_t tile =
        program_.operations[node.operation].operation->space->index_in_rank(node.task.tile);
    const auto& parts = p.columns->parts[tile];
    auto list = std::make_unique<ColumnPart[]>(parts.size());
    for (std::uint32_t i = 0; i < parts.size(); ++i) {
      const ColumnMap::Part& part = parts[i];
      const bool own = p.layout->owner(part.producer) == plan_->rank;
      const Region* ghost = own ? nullptr : &p.regions[p.region_of(part.producer)];
      const Argument values = own ? s.tile(part.producer) : s.ghost_rows(p.columns, *ghost);
      const auto& positions = own ? part.positions : ghost_positions({pattern, tile, i}, part, *ghost);
      list[i] = {values.data, positions.data(), static_cast<std::uint32_t>(positions.size())};
    }
    Argument argument;
    if (p.columns->is_square()) argument = s.tile(node.task.tile);
    argument.parts = list.get();
    argument.input_count = static_cast<std::uint32_t>(parts.size());
    plan_->parts.push_back(std::move(list));
    return argument;
  }

  const std::vector<std::uint32_t>& ghost_positions(const std::array<std::uint32_t, 3>& key,
                                                    const ColumnMap::Part& part, const Region& ghost) {
    const auto [it, is_new] = positions_at_.emplace(key, plan_->positions.size());
    if (is_new) {
      auto& positions = plan_->positions.emplace_back();
      auto at = ghost.positions->begin();
      for (const std::uint32_t row : part.positions) {
        at = std::lower_bound(at, ghost.positions->end(), row);
        positions.push_back(static_cast<std::uint32_t>(at - ghost.positions->begin()));
      }
    }
    return plan_->positions[it->second];
  }

  // Keeps it if it is small, in one piece, and written by a node of another worker.
  void add_foreign_input(const Draft& reader, std::int32_t s, ForeignInput input) {
    const Box& box = input.tile.box;
    if (input.bytes > foreign_input_bytes || box.hi[0] - box.lo[0] != 1 || box.hi[1] - box.lo[1] != 1) return;
    const DatumId datum{flow_.first_datum[static_cast<std::size_t>(s)] +
                        store(s).layout()->index_in_rank(input.id)};
    for (std::uint32_t a = reader.first_access; a < reader.last_access; ++a) {
      const DatumAccess& access = flow_.accesses[a];
      if (access.datum != datum || access.writes || access.producer == DatumAccess::no_producer) continue;
      if (flow_.nodes[access.producer].home == reader.home) return;
      input.producer = access.producer;
      plan_->foreign_inputs.push_back(input);
    }
  }

  void add_edges() {
    const std::size_t n = plan_->nodes.size();
    plan_->in_degree.assign(n, 0);
    plan_->first_successor.assign(n + 1, 0);
    for (const Edge& e : flow_.edges) {
      ++plan_->first_successor[e.from.index() + 1];
      ++plan_->in_degree[e.to.index()];
    }
    for (std::size_t i = 0; i < n; ++i) plan_->first_successor[i + 1] += plan_->first_successor[i];
    plan_->successors.resize(flow_.edges.size());
    plan_->distances.resize(flow_.edges.size());
    std::vector<std::uint32_t> at(plan_->first_successor.begin(), plan_->first_successor.end() - 1);
    for (const Edge& e : flow_.edges) {
      plan_->distances[at[e.from.index()]] = e.distance;
      plan_->successors[at[e.from.index()]++] = e.to.value;
    }
    for (const PlanMessage& m : plan_->messages) ++plan_->in_degree[m.node];
    plan_->first_node.assign(program_.copies + 1, static_cast<std::uint32_t>(n));
    for (std::size_t i = n; i-- > 0;) plan_->first_node[plan_->nodes[i].copy] = static_cast<std::uint32_t>(i);
    for (std::size_t c = program_.copies; c-- > 0;)  // copies without nodes
      plan_->first_node[c] = std::min(plan_->first_node[c], plan_->first_node[c + 1]);
  }

  const Program& program_;
  const Ghosts& ghosts_;
  const Dataflow& flow_;
  std::unique_ptr<Plan> plan_;
  std::byte* small_ = nullptr;
  std::vector<std::uint64_t> partials_at_;                            // by operation
  std::map<std::array<std::uint32_t, 3>, std::size_t> positions_at_;  // by pattern, tile and part
};

// -- what nodes do
// --------------------------------------------------------------------------------------------

template <class T>
T load(const std::byte* from) {
  T v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

void combine(const PlanReduction& r) {
  with_accumulator(r.type, r.combine, [&]<class A>(std::type_identity<A>) {
    static_assert(sizeof(A) <= slot_bytes);
    A total;
    for (std::uint32_t i = 0; i < r.partial_count; ++i)
      total.add(load<typename A::Value>(r.partials + 8 * i));
    for (const std::byte* child : r.child_slots) total.merge(load<A>(child));
    std::memcpy(r.slot, &total, sizeof total);
    const auto value = total.value();
    if (r.value) std::memcpy(r.value, &value, sizeof value);
  });
}

}  // namespace

std::unique_ptr<Plan> lower(std::shared_ptr<const Program> program, const Ghosts& ghosts,
                            const Dataflow& flow, RankId rank, std::uint32_t ranks, std::uint32_t workers) {
  return Lowering(std::move(program), ghosts, flow).run(rank, ranks, workers);
}

void ForeignInput::redirect(void* data) const {
  Argument elsewhere = tile;
  elsewhere.data = data;
  parameter->make_input(list, index, elsewhere, id);
}

bool perform(Plan& plan, PlanNode& node, WorkerId worker) {
  switch (node.kind) {
    case NodeKind::run:
    case NodeKind::compute:
      node.task.worker = worker;
      node.body(node.functor, node.task, plan.arguments.data() + node.first_argument, node.result);
      return false;
    case NodeKind::decide: {
      bool stop = false;
      node.body(node.functor, node.task, plan.arguments.data() + node.first_argument, &stop);
      return stop;
    }
    case NodeKind::combine:
      combine(plan.reductions[node.payload]);
      return false;
    case NodeKind::copy: {
      const PlanCopy& c = plan.copies[node.payload];
      copy_cells(c.from, c.to, c.element_bytes);
      return false;
    }
    case NodeKind::send:
      plan.messages[node.payload].pack();
      return false;
    case NodeKind::receive:
      plan.messages[node.payload].unpack();
      return false;
  }
  return false;
}

void Plan::initial_counters(std::uint32_t copy, Edges edges, std::vector<std::uint32_t>& counters) const {
  counters.assign(nodes.size(), 0);
  auto fired = [&](std::uint32_t n) { return nodes[n].copy < copy ? 1 : 0; };
  for (std::uint32_t u = 0; u < nodes.size(); ++u)
    for (std::uint32_t e = first_successor[u]; e < first_successor[u + 1]; ++e) {
      const std::uint32_t v = successors[e];
      if (edges == Edges::between_workers && nodes[u].home == nodes[v].home) continue;
      const int tokens = fired(u) + distances[e] - fired(v);
      if (tokens == 0) ++counters[v];  // 1: the token lies ready
    }
  for (const PlanMessage& m : messages)
    if (!m.spec.sending) ++counters[m.node];
}

std::string Plan::describe(NodeId id) const {
  const PlanNode& n = nodes[id.index()];
  const std::string& name = operation_of(n).kernel.name;
  switch (n.kind) {
    case NodeKind::run:
      return fmt::format("operation '{}' tile {}", name, n.task.tile.value);
    case NodeKind::compute:
    case NodeKind::decide:
      return fmt::format("operation '{}'", name);
    case NodeKind::combine:
      return fmt::format("reduction of operation '{}'", name);
    case NodeKind::copy:
      return fmt::format("copy of tile {} into ghosts for operation '{}'", n.task.tile.value, name);
    case NodeKind::send:
    case NodeKind::receive: {
      const MessageSpec& m = messages[n.payload].spec;
      return fmt::format("{} rank {} (tag {}, {} bytes) for operation '{}'",
                         n.kind == NodeKind::send ? "send to" : "receive from", m.partner.value, m.tag,
                         m.bytes, name);
    }
  }
  return {};
}

std::string Plan::to_dot() const {
  static constexpr const char* colours[] = {"lightblue", "khaki",     "orange", "gold",
                                            "lightgrey", "palegreen", "pink"};
  std::string dot = fmt::format("digraph \"{} on rank {}\" {{\n  node [shape=box style=filled];\n",
                                program->record->name, rank.value);
  for (std::uint32_t i = 0; i < nodes.size(); ++i)
    dot += fmt::format("  n{} [label=\"{}\\nstep +{}, worker {}\" fillcolor={}];\n", i, describe(NodeId{i}),
                       nodes[i].copy, nodes[i].home.value, colours[static_cast<std::size_t>(nodes[i].kind)]);
  for (std::uint32_t u = 0; u < nodes.size(); ++u)
    for (std::uint32_t e = first_successor[u]; e < first_successor[u + 1]; ++e)
      dot += fmt::format("  n{} -> n{}{};\n", u, successors[e], distances[e] ? " [style=dashed]" : "");
  return dot + "}\n";
}

}  // namespace tutti
