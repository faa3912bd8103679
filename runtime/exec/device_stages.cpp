#include "runtime/exec/device_stages.hpp"

#include <algorithm>
#include <cstring>

namespace tutti {
namespace {

StridedCopy row(const std::byte* from, std::byte* to, std::uint64_t bytes) {
  StridedCopy c;
  c.from = from;
  c.to = to;
  c.row_bytes = bytes;
  return c;
}

/// Whether a launch may put tiles together: nobody can tell where one ends.
bool can_merge(const Program& program, const BoundOperation& bound) {
  const Operation& op = *bound.operation;
  if (op.kind != OperationKind::each || op.kernel.uses_task) return false;
  for (std::size_t a = 0; a < bound.stores.size(); ++a) {
    const Parameter& p = op.kernel.parameters[a];
    if (p.object || p.shape == Shape::tiles || p.shape == Shape::columns || p.shape == Shape::whole)
      return false;
    if (bound.stores[a] < 0) continue;
    const Store& store = *program.stores[static_cast<std::size_t>(bound.stores[a])];
    if (!store.is_scalar() && !(*store.layout() == *op.space)) return false;  // its tiles have other boxes
  }
  return true;
}

}  // namespace

std::vector<Box> merged(std::vector<Box> boxes) {
  for (const int d : {2, 1, 0}) {
    const auto key = [d](const Box& b) {
      const int e = (d + 1) % 3, f = (d + 2) % 3;
      return std::array{b.lo[e], b.hi[e], b.lo[f], b.hi[f], b.lo[d]};
    };
    std::sort(boxes.begin(), boxes.end(), [&](const Box& a, const Box& b) { return key(a) < key(b); });
    std::vector<Box> longer;
    for (const Box& b : boxes) {
      const auto fits = [&](const Box& last) {
        auto wanted = key(b);
        wanted[4] = last.lo[d];
        return key(last) == wanted && last.hi[d] == b.lo[d];
      };
      if (!longer.empty() && fits(longer.back()))
        longer.back().hi[d] = b.hi[d];
      else
        longer.push_back(b);
    }
    boxes = std::move(longer);
  }
  return boxes;
}

DeviceStages::DeviceStages(Plan& plan, const Dataflow& flow, const DeviceSchedule& schedule,
                           const std::vector<bool>& direct, std::shared_ptr<DeviceContext> context)
    : plan_(plan),
      flow_(flow),
      context_(std::move(context)),
      device_(*context_->device),
      pinned_staging_(plan.messages.size(), nullptr) {
  for (std::uint32_t m = 0; m < plan.messages.size(); ++m) {
    if (!schedule.message_on_device[m]) continue;
    MessageSpec& spec = plan.messages[m].spec;
    if (direct[m]) {
      buffers_.push_back(DeviceBuffer::for_messages(context_->device, spec.bytes, "messages"));
      spec.staging = buffers_.back().data();
      spec.place = nullptr;
      spec.on_device = true;
    } else {
      spec.staging = pinned_staging_[m] = pinned_memory(spec.bytes, "messages");
    }
  }
  if (schedule.decides) {  // the device writes one byte of each
    std::vector<std::byte> none(8 * plan.program->operations.size());
    decisions_ = upload(std::move(none), "decisions");
  }
  stages_.resize(schedule.stages.size());
  const std::int64_t zero = 0;
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    if (schedule.stages[s].kind != Stage::Kind::device) continue;
    Work& work = stages_[s];
    work.step = reinterpret_cast<std::int64_t*>(device_memory(sizeof zero, "step numbers"));
    copy_step(work, zero);
    for (const DeviceAction& a : schedule.stages[s].actions) add(work, a);
    if (work.uses_step) {
      const std::int64_t copies = plan.copies_per_cycle();
      work.operations.emplace_back(
          [this, &work, copies](StreamId stream) { device_.add(work.step, copies, stream); });
    }
  }
  device_.synchronize();
  lists_.clear();
}

DeviceStages::~DeviceStages() {
  try {
    device_.synchronize();
  } catch (...) {  // then it does nothing any more
  }
}

void DeviceStages::prepare(std::uint32_t stage) {
  const Work& work = stages_[stage];
  for (const Work::ScalarCopy& c : work.scalars_up) std::memcpy(c.pinned, c.value, c.bytes);
  for (const std::uint32_t m : work.arrived) {
    const MessageSpec& spec = plan_.messages[m].spec;
    if (spec.staging != pinned_staging_[m] && spec.bytes > 0)
      std::memcpy(pinned_staging_[m], spec.staging, spec.bytes);
  }
}

void DeviceStages::finish(std::uint32_t stage) {
  for (const Work::ScalarCopy& c : stages_[stage].scalars_down) std::memcpy(c.value, c.pinned, c.bytes);
}

void DeviceStages::before_start(std::uint32_t m) {
  const MessageSpec& spec = plan_.messages[m].spec;
  if (spec.sending && pinned_staging_[m] && spec.staging != pinned_staging_[m] && spec.bytes > 0)
    std::memcpy(spec.staging, pinned_staging_[m], spec.bytes);
}

void DeviceStages::put(std::uint32_t stage, StreamId stream) {
  Work& work = stages_[stage];
  if (!work.can_be_captured || work.operations.size() < 2) return put_operations(stage, stream);
  if (!work.graph) {
    device_.begin_capture(stream);
    put_operations(stage, stream);
    work.graph = device_.end_capture(stream);
  }
  device_.launch(*work.graph, stream);
}

void DeviceStages::put_operations(std::uint32_t stage, StreamId stream) {
  for (const auto& operation : stages_[stage].operations) operation(stream);
}

void DeviceStages::set_step(std::uint32_t stage, std::int64_t step) {
  if (!stages_[stage].uses_step) return;
  copy_step(stages_[stage], step);
  device_.synchronize();
}

void DeviceStages::copy_step(const Work& work, const std::int64_t& step) {
  device_.copy(
      row(reinterpret_cast<const std::byte*>(&step), reinterpret_cast<std::byte*>(work.step), sizeof step),
      Direction::to_device, context_->compute);
}

void DeviceStages::add(Work& work, const DeviceAction& action) {
  switch (action.kind) {
    case DeviceAction::Kind::launch:
      return add_launch(work, action);
    case DeviceAction::Kind::upload:
    case DeviceAction::Kind::download:
      return add_transfer(work, action);
    case DeviceAction::Kind::pack:
    case DeviceAction::Kind::unpack:
      return add_message(work, action);
    case DeviceAction::Kind::copy: {
      const PlanCopy& c = plan_.copies[action.payload];
      StridedCopy copy = copy_of(c.from, c.to, c.element_bytes);
      copy.from = image(action.store).address(copy.from);
      copy.to = image(action.store).address(copy.to);
      if (c.from.box.empty()) return;
      work.operations.emplace_back(
          [this, copy](StreamId stream) { device_.copy(copy, Direction::on_device, stream); });
      return;
    }
    case DeviceAction::Kind::partials:
      return add_partials(work, action);
    case DeviceAction::Kind::combine:
      return add_combine(work, action);
  }
}

// -- copies ------------------------------------------------------------------------------------------------

void DeviceStages::add_transfer(Work& work, const DeviceAction& action) {
  DeviceStore& store = image(action.store);
  const bool up = action.kind == DeviceAction::Kind::upload;
  if (plan_.program->stores[static_cast<std::size_t>(action.store)]->is_scalar())
    return add_scalar_transfer(work, store, up);
  work.can_be_captured = false;  // what is copied is not pinned
  work.operations.emplace_back(
      [&store, up](StreamId stream) { up ? store.upload(stream) : store.download(stream); });
}

void DeviceStages::add_scalar_transfer(Work& work, DeviceStore& store, bool up) {
  auto* const value = static_cast<std::byte*>(store.host().value());
  const std::uint64_t bytes = store.host().type().size_bytes;
  std::byte* const pinned = pinned_memory(bytes, "scalars");
  (up ? work.scalars_up : work.scalars_down).push_back({value, pinned, bytes});
  const StridedCopy copy =
      up ? row(pinned, store.address(value), bytes) : row(store.address(value), pinned, bytes);
  work.operations.emplace_back([this, copy, up](StreamId stream) {
    device_.copy(copy, up ? Direction::to_device : Direction::to_host, stream);
  });
}

void DeviceStages::add_message(Work& work, const DeviceAction& action) {
  const PlanMessage& message = plan_.messages[action.payload];
  const std::vector<MessageItem>& items = flow_.messages[action.payload].items;
  const bool packs = action.kind == DeviceAction::Kind::pack;
  std::byte* const pinned = pinned_staging_[action.payload];
  if (!packs && pinned) work.arrived.push_back(action.payload);
  if (message.spec.bytes == 0) return;
  std::byte* const staging = pinned ? device_memory(message.spec.bytes, "messages") : message.spec.staging;
  const auto travel = [&] {
    if (!pinned) return;
    const StridedCopy copy =
        packs ? row(staging, pinned, message.spec.bytes) : row(pinned, staging, message.spec.bytes);
    work.operations.emplace_back([this, copy, packs](StreamId stream) {
      device_.copy(copy, packs ? Direction::to_host : Direction::to_device, stream);
    });
  };
  if (!packs) travel();
  std::byte* at = staging;
  for (std::size_t i = 0; i < items.size(); ++i) {
    Piece piece = message.pieces[i];
    piece.cells.data = image(items[i].store).address(piece.cells.data);
    const std::uint32_t* positions = nullptr;
    if (piece.positions)
      positions = reinterpret_cast<const std::uint32_t*>(
          constant(piece.positions->data(), piece.positions->size() * sizeof(std::uint32_t)));
    work.operations.emplace_back([this, piece, positions, at, packs](StreamId stream) {
      if (packs)
        pack_on_device(device_, stream, piece, positions, at);
      else
        unpack_on_device(device_, stream, at, piece);
    });
    at += items[i].bytes;
  }
  if (packs) travel();
}

void DeviceStages::add_partials(Work& work, const DeviceAction& action) {
  const std::uint32_t r = reduction_of(action.operation);
  PlanReduction& reduction = plan_.reductions[r];
  const std::uint64_t bytes = 8 * std::uint64_t{reduction.partial_count};
  if (bytes == 0) return;
  std::byte* pinned = pinned_memory(bytes, "partial results");
  reduction.partials = pinned;
  work.operations.emplace_back([this, copy = row(partials(r), pinned, bytes)](StreamId stream) {
    device_.copy(copy, Direction::to_host, stream);
  });
}

// -- launches ----------------------------------------------------------------------------------------------

void DeviceStages::add_launch(Work& work, const DeviceAction& action) {
  const BoundOperation& bound = plan_.program->operations[action.operation];
  const Operation& op = *bound.operation;
  DeviceLaunch launch;
  launch.kernel = op.kernel;
  launch.step = work.step;
  work.uses_step |= op.kernel.uses_task || std::any_of(bound.stores.begin(), bound.stores.end(),
                                                       [](std::int32_t s) { return s < 0; });
  if (can_merge(*plan_.program, bound)) {
    merge_tiles(launch, action, work);
  } else {
    for (const std::uint32_t n : action.nodes) {
      const PlanNode& node = plan_.nodes[n];
      LaunchPart part;
      part.task = node.task;
      part.first = launch.arguments.size();
      part.result = result_of(node);
      for (std::uint32_t a = 0; a < bound.stores.size(); ++a)
        launch.arguments.push_back(argument(node, a, work));
      launch.parts.push_back(part);
    }
  }
  add_prepared(work, std::move(launch));
}

void DeviceStages::add_prepared(Work& work, DeviceLaunch launch) {
  launches_.push_back(device_.prepare(std::move(launch)));
  PreparedLaunch* prepared = launches_.back().get();
  work.operations.emplace_back([this, prepared](StreamId stream) { device_.launch(*prepared, stream); });
}

void* DeviceStages::result_of(const PlanNode& node) {
  const BoundOperation& bound = plan_.program->operations[node.operation];
  const Operation& op = *bound.operation;
  switch (op.kind) {
    case OperationKind::reduce:
      return partials(reduction_of(node.operation)) +
             8 * std::size_t{op.space->index_in_rank(node.task.tile)};
    case OperationKind::compute:
      return image(bound.target).address(node.result);
    case OperationKind::stop_when:
      return decision(node.operation);
    case OperationKind::each:
      break;
  }
  return nullptr;
}

std::byte* DeviceStages::decision(std::uint32_t operation) const {
  const auto& all = plan_.program->operations;
  return decisions_ + 8 * std::count_if(all.begin(), all.begin() + operation, [](const BoundOperation& o) {
                        return o.operation->kind == OperationKind::stop_when;
                      });
}

void DeviceStages::add_combine(Work& work, const DeviceAction& action) {
  const BoundOperation& bound = plan_.program->operations[action.operation];
  const std::uint32_t r = reduction_of(action.operation);
  const std::int64_t n = plan_.reductions[r].partial_count;
  DeviceLaunch launch;
  launch.kernel = combine_tiles(bound.operation->kernel.result, bound.operation->reduction.combine);
  launch.step = work.step;
  launch.arguments = {{n > 0 ? partials(r) : nullptr, n, n, {{0, 0, 0}, {1, 1, n}}}};
  launch.parts.resize(1);
  launch.parts[0].task.box = launch.arguments[0].box;
  launch.parts[0].result = image(bound.target).address(plan_.reductions[r].value);
  add_prepared(work, std::move(launch));
}

void DeviceStages::merge_tiles(DeviceLaunch& launch, const DeviceAction& action, const Work& work) {
  const BoundOperation& bound = plan_.program->operations[action.operation];
  std::vector<Box> boxes;
  for (const std::uint32_t n : action.nodes) boxes.push_back(plan_.nodes[n].task.box);
  for (const Box& box : merged(std::move(boxes))) {
    LaunchPart part;
    part.task = plan_.nodes[action.nodes.front()].task;
    part.task.box = box;
    part.first = launch.arguments.size();
    for (std::uint32_t a = 0; a < bound.stores.size(); ++a) {
      const std::int32_t s = bound.stores[a];
      Argument argument;
      if (s < 0) {
        argument.data = work.step;
      } else if (Store& store = *plan_.program->stores[static_cast<std::size_t>(s)]; store.is_scalar()) {
        argument.data = image(s).address(store.value());
      } else {
        argument = store.cells(box);
        argument.data = image(s).address(argument.data);
      }
      launch.arguments.push_back(argument);
    }
    launch.parts.push_back(part);
  }
}

Argument DeviceStages::argument(const PlanNode& node, std::uint32_t access, const Work& work) {
  const BoundOperation& bound = plan_.program->operations[node.operation];
  const Parameter& parameter = bound.operation->kernel.parameters[access];
  const std::int32_t s = bound.stores[access];
  Argument a = plan_.arguments[node.first_argument + access];
  if (s < 0) {
    a.data = work.step;
  } else if (parameter.object) {
    const std::size_t tiles = bound.operation->space->tiles_of(plan_.rank).size();
    a.data = image(s).object(a.data, parameter, tiles);
  } else if (parameter.shape == Shape::tiles) {
    a = input_list(a, image(s));
  } else if (parameter.shape == Shape::columns) {
    a = part_list(a, image(s));
  } else {
    a.data = image(s).address(a.data);
  }
  return a;
}

Argument DeviceStages::input_list(Argument a, DeviceStore& store) {
  std::vector<std::byte> list(a.input_count * input_bytes);
  if (!list.empty()) std::memcpy(list.data(), a.data, list.size());
  for (std::uint32_t i = 0; i < a.input_count; ++i) {
    std::byte* data = nullptr;  // the first member of a View
    std::memcpy(&data, list.data() + i * input_bytes, sizeof data);
    data = store.address(data);
    std::memcpy(list.data() + i * input_bytes, &data, sizeof data);
  }
  a.data = upload(std::move(list), "lists of tiles");
  return a;
}

Argument DeviceStages::part_list(Argument a, DeviceStore& store) {
  std::vector<ColumnPart> list(a.parts, a.parts + a.input_count);
  for (ColumnPart& part : list) {
    part.values = store.address(part.values);
    part.positions =
        reinterpret_cast<const std::uint32_t*>(constant(part.positions, part.count * sizeof(std::uint32_t)));
  }
  const auto* bytes = reinterpret_cast<const std::byte*>(list.data());
  a.parts = reinterpret_cast<const ColumnPart*>(
      upload({bytes, bytes + list.size() * sizeof(ColumnPart)}, "lists of columns"));
  a.data = store.address(a.data);
  return a;
}

// -- memory ------------------------------------------------------------------------------------------------

DeviceStore& DeviceStages::image(std::int32_t store) {
  return device_store(context_, *plan_.program->stores[static_cast<std::size_t>(store)]);
}

std::byte* DeviceStages::constant(const void* host, std::uint64_t bytes) {
  std::byte*& known = constants_[host];
  if (known != nullptr || bytes == 0) return known;
  known = device_memory(bytes, "lists of positions");
  device_.copy(row(static_cast<const std::byte*>(host), known, bytes), Direction::to_device,
               context_->compute);
  return known;
}

// The host's copy stays until the constructor has waited.
std::byte* DeviceStages::upload(std::vector<std::byte> list, const char* what) {
  std::byte* to = device_memory(list.size(), what);
  if (list.empty()) return to;
  lists_.push_back(std::move(list));
  device_.copy(row(lists_.back().data(), to, lists_.back().size()), Direction::to_device, context_->compute);
  return to;
}

std::byte* DeviceStages::partials(std::uint32_t r) {
  std::byte*& memory = partials_[r];
  if (memory == nullptr)
    memory = device_memory(8 * std::uint64_t{plan_.reductions[r].partial_count}, "partial results");
  return memory;
}

std::uint32_t DeviceStages::reduction_of(std::uint32_t operation) const {
  const auto found = std::find_if(flow_.reductions.begin(), flow_.reductions.end(),
                                  [&](const ReductionDraft& r) { return r.operation == operation; });
  return static_cast<std::uint32_t>(found - flow_.reductions.begin());
}

std::byte* DeviceStages::device_memory(std::uint64_t bytes, const char* what) {
  buffers_.emplace_back(context_->device, bytes, what);
  return buffers_.back().data();
}

std::byte* DeviceStages::pinned_memory(std::uint64_t bytes, const char* what) {
  pinned_.push_back(
      std::make_unique<PinnedBuffer>(context_->device, std::max<std::uint64_t>(bytes, 8), what));
  return pinned_.back()->data();
}

}  // namespace tutti
