#include "runtime/graph/device_schedule.hpp"

#include <algorithm>
#include <stdexcept>

namespace tutti {
namespace {

constexpr Sides unchanged = 0xff;

/// Something that needs or changes where a store is valid, in program order.
struct Event {
  std::uint32_t copy = 0;
  std::int32_t store = 0;
  Sides reads = 0;
  Sides valid = unchanged;  ///< afterwards
};

class Scheduler {
 public:
  /// `decides`: stop_when is the device's where it has a body.
  Scheduler(const Program& program, const Dataflow& flow, const std::function<bool(const Kernel&)>& has_body,
            bool decides)
      : program_(program),
        flow_(flow),
        has_body_(has_body),
        decides_(decides),
        data_of_(program.stores.size()) {
    for (std::uint32_t d = 0; d < flow.datum_count; ++d)
      if (flow.store_of[d] >= 0) data_of_[static_cast<std::size_t>(flow.store_of[d])].push_back(d);
    valid_.assign(program.stores.size(), on_host | on_device);
  }

  // A cycle starts as the one before it ended: repeat until it does. In each round some scalar may turn out
  // to be the host's, and none turns back.
  DeviceSchedule run() {
    for (std::size_t round = 0; round < 8 + program_.stores.size(); ++round) {
      const std::vector<Sides> start = valid_;
      list_cycle();
      if (valid_ == start) return finish();
    }
    throw std::logic_error("where the stores of a cycle are valid does not settle");
  }

 private:
  static DatumId on(Sides side, std::uint32_t datum) { return DatumId{2 * datum + (side == on_device)}; }
  DatumId staging(std::uint32_t message) const { return DatumId{2 * flow_.datum_count + message}; }
  Sides& valid(std::int32_t store) { return valid_[static_cast<std::size_t>(store)]; }
  const Store& store(std::int32_t s) const { return *program_.stores[static_cast<std::size_t>(s)]; }

  void list_cycle() {
    out_ = {};
    out_.message_on_device.assign(flow_.messages.size(), false);
    out_.used_on_device.assign(program_.stores.size(), false);
    events_.clear();
    pending_.clear();
    arriving_.assign(flow_.datum_count, false);
    is_open_ = false;
    for (std::uint32_t first = 0; first < flow_.nodes.size();) {
      const Draft& node = flow_.nodes[first];
      if (const std::uint32_t copy = program_.operations[node.operation].copy; copy != copy_) {
        flush();
        close();
        copy_ = copy;
      }
      std::uint32_t last = first + 1;
      if (node.kind == NodeKind::run)
        while (last < flow_.nodes.size() && flow_.nodes[last].kind == NodeKind::run &&
               flow_.nodes[last].operation == node.operation)
          ++last;
      operation_ = node.operation;
      add(first, last);
      first = last;
    }
    flush();
    close();
    copy_ = 0;
  }

  void add(std::uint32_t first, std::uint32_t last) {
    switch (flow_.nodes[first].kind) {
      case NodeKind::run:
        return add_tiles(first, last);
      case NodeKind::send:
      case NodeKind::receive:
        return add_message(first);
      case NodeKind::copy:
        return add_copy(first);
      case NodeKind::compute:
      case NodeKind::decide:
        return add_scalar(first);
      case NodeKind::combine:
        return add_combine(first);
    }
  }

  // -- operations on tiles

  void add_tiles(std::uint32_t first, std::uint32_t last) {
    const BoundOperation& op = program_.operations[operation_];
    const Sides side = has_body_(op.operation->kernel) ? on_device : on_host;
    for (std::size_t a = 0; a < op.stores.size(); ++a) {
      const std::int32_t s = op.stores[a];
      if (s < 0 || store(s).has_objects()) continue;
      if (side == on_device) out_.used_on_device[static_cast<std::size_t>(s)] = true;
      if (op.operation->accesses[a].mode != Mode::write) require(s, side);
    }
    if (side == on_device) {
      launch(first, last, op.operation->kind == OperationKind::reduce && !combines_on_device(operation_));
    } else {
      std::vector<std::uint32_t> nodes;
      for (std::uint32_t n = first; n < last; ++n) nodes.push_back(n);
      perform(std::move(nodes));
    }
    for (std::size_t a = 0; a < op.stores.size(); ++a)
      if (op.stores[a] >= 0 && op.operation->accesses[a].mode != Mode::read)
        change(op.stores[a], op.operation->accesses[a].mode == Mode::update ? side : Sides{0}, side);
  }

  // Tiles that wait for nobody first, then what has arrived, then the others.
  void launch(std::uint32_t first, std::uint32_t last, bool partials_to_host) {
    std::vector<std::uint32_t> inner, outer;
    for (std::uint32_t n = first; n < last; ++n) {
      bool waits = false;
      for_accesses(n, [&](const DatumAccess& a) { waits |= arriving_[a.datum.index()]; });
      (waits ? outer : inner).push_back(n);
    }
    if (!inner.empty()) add_launch(inner);
    if (!outer.empty()) {
      flush();
      add_launch(outer);
    }
    if (!partials_to_host) return;
    begin_action({DeviceAction::Kind::partials, operation_});
    for (std::uint32_t n = first; n < last; ++n)
      for_accesses(n, [&](const DatumAccess& a) {
        if (flow_.store_of[a.datum.index()] >= 0) return;
        access(on(on_device, a.datum.value), false);
        access(on(on_host, a.datum.value), true);
      });
  }

  void add_launch(const std::vector<std::uint32_t>& nodes) {
    begin_action({DeviceAction::Kind::launch, operation_, nodes});
    for (const std::uint32_t n : nodes) access_all(n, on_device);
  }

  // -- scalars

  void add_scalar(std::uint32_t n) {
    const BoundOperation& op = program_.operations[operation_];
    const bool decides = flow_.nodes[n].kind == NodeKind::decide;
    bool there = has_body_(op.operation->kernel) && (!decides || decides_);
    for (const std::int32_t s : op.stores) there &= s < 0 || (valid(s) & on_device) != 0;
    for (const std::int32_t s : op.stores) {
      if (s >= 0) require(s, there ? on_device : on_host);
      if (s >= 0 && there) out_.used_on_device[static_cast<std::size_t>(s)] = true;
    }
    if (!there) return perform({n});
    add_launch({n});
    if (op.target >= 0) leave_on_device(op.target);
    out_.decides |= decides;
  }

  // The rank has all tiles, and they left their values on the device.
  bool combines_on_device(std::uint32_t operation) const {
    const Operation& op = *program_.operations[operation].operation;
    return flow_.messages.empty() && has_body_(op.kernel) &&
           has_body_(combine_tiles(op.kernel.result, op.reduction.combine));
  }
  void add_combine(std::uint32_t n) {
    if (!combines_on_device(operation_)) return perform({n});
    begin_action({DeviceAction::Kind::combine, operation_});
    access_all(n, on_device);
    leave_on_device(program_.operations[operation_].target);
  }
  void leave_on_device(std::int32_t scalar) {
    out_.used_on_device[static_cast<std::size_t>(scalar)] = true;
    change(scalar, 0, on_device);
  }

  // -- messages and ghosts

  void add_message(std::uint32_t n) {
    const Draft& node = flow_.nodes[n];
    const Message& m = flow_.messages[node.payload];
    bool device = false;
    for (const MessageItem& i : m.items)
      device |= i.what == MessageItem::What::cells && (valid(i.store) & on_device) != 0;
    if (!device) return perform({n});
    out_.message_on_device[node.payload] = true;
    for (const MessageItem& i : m.items) {
      require(i.store, on_device);
      out_.used_on_device[static_cast<std::size_t>(i.store)] = true;
      if (m.sending)
        note(i.store, on_device, unchanged);
      else
        change(i.store, on_device, on_device);
    }
    if (!m.sending) {
      pending_.push_back(n);
      for_accesses(n, [&](const DatumAccess& a) { arriving_[a.datum.index()] = true; });
      return;
    }
    begin_action({DeviceAction::Kind::pack, operation_, {}, -1, node.payload});
    access_all(n, on_device);
    access(staging(node.payload), true);
    await(node.payload);
    to_start_.push_back(node.payload);
    // packing of one exchange goes together; nothing else makes its messages wait
    if (n + 1 == flow_.nodes.size() || flow_.nodes[n + 1].kind != NodeKind::send) close();
  }

  // Puts what has arrived into its place, right before somebody needs it.
  void flush() {
    if (pending_.empty()) return;
    close();  // what stands before does not wait for messages
    for (const std::uint32_t n : pending_) {
      const std::uint32_t message = flow_.nodes[n].payload;
      begin_action({DeviceAction::Kind::unpack, operation_, {}, -1, message});
      access_all(n, on_device);
      access(staging(message), true);
      await(message);
      to_start_.push_back(message);
    }
    pending_.clear();
    arriving_.assign(flow_.datum_count, false);
  }

  void await(std::uint32_t message) {
    out_.stages.back().awaits.push_back(message);
    out_.stages.back().transfers = true;
  }

  void add_copy(std::uint32_t n) {
    const std::int32_t s = flow_.copies[flow_.nodes[n].payload].store;
    if ((valid(s) & on_device) == 0) return perform({n});
    out_.used_on_device[static_cast<std::size_t>(s)] = true;
    begin_action({DeviceAction::Kind::copy, operation_, {}, s, flow_.nodes[n].payload});
    access_all(n, on_device);
    change(s, on_device, on_device);
  }

  // -- where values are

  void note(std::int32_t s, Sides reads, Sides valid_after) {
    events_.push_back({copy_, s, reads, valid_after});
  }
  void change(std::int32_t s, Sides reads, Sides side) {
    valid(s) = side;
    note(s, reads, side);
  }

  void require(std::int32_t s, Sides side) {
    if (valid(s) & side) return note(s, side, unchanged);
    flush();
    const bool up = side == on_device;
    begin_action({up ? DeviceAction::Kind::upload : DeviceAction::Kind::download, operation_, {}, s});
    if (up) out_.used_on_device[static_cast<std::size_t>(s)] = true;
    for (const std::uint32_t d : data_of_[static_cast<std::size_t>(s)]) {
      access(on(up ? on_host : on_device, d), false);
      access(on(side, d), true);
    }
    valid(s) |= side;
    note(s, up ? on_host : on_device, on_host | on_device);
  }

  // -- stages

  // A stage for the device: the last one, if nobody stands between.
  void begin_action(DeviceAction action) {
    if (!is_open_) begin_stage(Stage::Kind::device);
    is_open_ = true;
    out_.stages.back().actions.push_back(std::move(action));
  }

  void begin_stage(Stage::Kind kind) {
    Stage stage;
    stage.kind = kind;
    stage.copy = copy_;
    stage.operation = operation_;
    out_.stages.push_back(std::move(stage));
    Draft draft;
    draft.operation = operation_;
    draft.first_access = static_cast<std::uint32_t>(out_.flow.accesses.size());
    out_.flow.nodes.push_back(draft);
  }

  void close() {
    if (is_open_) end_node(out_.flow);
    is_open_ = false;
    if (to_start_.empty()) return;
    begin_stage(Stage::Kind::start);
    out_.stages.back().nodes = to_start_;
    for (const std::uint32_t m : to_start_) access(staging(m), false);
    end_node(out_.flow);
    to_start_.clear();
  }

  void perform(std::vector<std::uint32_t> nodes) {
    bool meets_pending = false;
    for (const std::uint32_t p : pending_)
      for (const MessageItem& i : flow_.messages[flow_.nodes[p].payload].items)
        for (const std::uint32_t n : nodes)
          for_accesses(
              n, [&](const DatumAccess& a) { meets_pending |= flow_.store_of[a.datum.index()] == i.store; });
    if (meets_pending) flush();
    close();
    begin_stage(Stage::Kind::perform);
    for (const std::uint32_t n : nodes) {
      access_all(n, on_host);
      const Draft& node = flow_.nodes[n];
      if (node.kind == NodeKind::send || node.kind == NodeKind::receive)
        out_.stages.back().awaits.push_back(node.payload);
      if (node.kind == NodeKind::run) continue;  // its caller knows more
      for_accesses(n, [&](const DatumAccess& a) {
        const std::int32_t s = flow_.store_of[a.datum.index()];
        if (s < 0) return;
        if (!a.writes)
          note(s, on_host, unchanged);
        else
          change(s, store(s).is_scalar() ? Sides{0} : on_host, on_host);
      });
    }
    out_.stages.back().nodes = std::move(nodes);
    end_node(out_.flow);
  }

  void access(DatumId datum, bool writes) {
    out_.flow.accesses.push_back({datum, writes, DatumAccess::no_producer});
  }
  void access_all(std::uint32_t n, Sides side) {
    for_accesses(n, [&](const DatumAccess& a) { access(on(side, a.datum.value), a.writes); });
  }
  template <class F>
  void for_accesses(std::uint32_t n, const F& f) const {
    const Draft& node = flow_.nodes[n];
    for (std::uint32_t a = node.first_access; a < node.last_access; ++a) f(flow_.accesses[a]);
  }

  DeviceSchedule finish() {
    out_.flow.datum_count = 2 * flow_.datum_count + static_cast<std::uint32_t>(flow_.messages.size());
    find_edges(out_.flow);
    out_.changes.resize(program_.copies);
    for (const Event& e : events_)
      if (e.valid != unchanged) out_.changes[e.copy].push_back({e.store, e.valid});
    for (std::uint32_t c = 0; c < program_.copies; ++c) {
      auto& needed = out_.needed.emplace_back(program_.stores.size(), 0);
      std::vector<Sides> settled(program_.stores.size(), 0);
      const auto look = [&](const Event& e) {
        Sides& done = settled[static_cast<std::size_t>(e.store)];
        needed[static_cast<std::size_t>(e.store)] |= static_cast<Sides>(e.reads & ~done);
        done |= e.valid != unchanged ? (on_host | on_device) : e.reads;
      };
      for (const Event& e : events_)
        if (e.copy >= c) look(e);
      for (const Event& e : events_)
        if (e.copy < c) look(e);
    }
    return std::move(out_);
  }

  const Program& program_;
  const Dataflow& flow_;
  const std::function<bool(const Kernel&)>& has_body_;
  bool decides_;
  std::vector<std::vector<std::uint32_t>> data_of_;  // by store
  std::vector<Sides> valid_;                         // by store, now
  std::vector<Event> events_;
  std::vector<std::uint32_t> pending_;   // receive nodes whose cells nobody has needed yet
  std::vector<bool> arriving_;           // by datum: what they write
  std::vector<std::uint32_t> to_start_;  // messages of the open stage
  bool is_open_ = false;
  std::uint32_t copy_ = 0;
  std::uint32_t operation_ = 0;
  DeviceSchedule out_;
};

}  // namespace

bool DeviceSchedule::device_alone() const {
  return std::all_of(stages.begin(), stages.end(),
                     [](const Stage& s) { return s.kind == Stage::Kind::device && s.awaits.empty(); });
}

DeviceSchedule schedule_for_device(const Program& program, const Dataflow& flow,
                                   const std::function<bool(const Kernel&)>& has_body, bool has_loops) {
  DeviceSchedule schedule = Scheduler(program, flow, has_body, has_loops).run();
  if (schedule.decides && !schedule.device_alone())
    schedule = Scheduler(program, flow, has_body, false).run();
  return schedule;
}

}  // namespace tutti
