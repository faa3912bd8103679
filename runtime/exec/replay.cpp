#include "runtime/exec/replay.hpp"

#include "runtime/error.hpp"
#include "runtime/exec/device.hpp"
#include "runtime/exec/device_messages.hpp"
#include "runtime/exec/watchdog.hpp"

namespace tutti {
namespace {

// Every rank must have recorded the same before anything is made of it.
void check_same_record(const Record& record, Transport& transport) {
  const std::uint64_t hash = record.hash();
  if (transport.min(hash) != transport.max(hash))
    usage_error(
        "graph '{}': the ranks recorded different operations; what is recorded must not depend on the rank",
        record.name);
}

void read_cells(const Store& store, const Piece& cells, std::byte* to) {
  if (store.image)
    store.image->read(cells, to);
  else
    pack(cells, to);
}
void write_cells(Store& store, const std::byte* from, const Piece& cells) {
  if (store.image)
    store.image->write(from, cells);
  else
    unpack(from, cells);
}

std::unique_ptr<Executor> make_executor(const ExecutorContext& context, Schedule schedule) {
  switch (schedule) {
    case Schedule::tasks:
      return make_task_executor(context);
    case Schedule::bulk:
      return make_bulk_executor(context, false);
    case Schedule::kokkos:
      return make_bulk_executor(context, true);
  }
  return nullptr;
}

}  // namespace

Replay::Replay(Record record, const RankContext& context, Transport& transport, const ReplayOptions& options)
    : transport_(transport), watchdog_(options.watchdog) {
  check_same_record(record, transport);
  program_ = std::make_shared<const Program>(unroll(std::make_shared<const Record>(std::move(record))));
  ghosts_ = find_ghosts(*program_, context.rank);
  decode_needs(transport.exchange(encode_needs(ghosts_)), context.rank, ghosts_);
  const Dataflow flow = analyse(*program_, ghosts_, context.rank, context.ranks, context.workers);
  plan_ = lower(program_, ghosts_, flow, context.rank, context.ranks, context.workers);
  DeviceSchedule schedule;
  std::unique_ptr<DeviceStages> stages;
  if (options.device) {
    const Device& device = *options.device->device;
    schedule = schedule_for_device(
        *program_, flow, [&](const Kernel& k) { return device.has_body(k); }, device.has_loops());
    std::vector<bool> direct(plan_->messages.size(), false);
    if (options.device->direct_messages)
      direct = on_device_at_both_ends(*plan_, schedule.message_on_device, transport);
    stages = std::make_unique<DeviceStages>(*plan_, flow, schedule, direct, options.device);
  }
  profile_ = std::make_shared<Profile>(plan_->nodes.size(), context.workers);
  gate_ = std::make_unique<StepGate>(*plan_);
  std::vector<MessageSpec> specs;
  for (const PlanMessage& m : plan_->messages) specs.push_back(m.spec);
  messages_ = transport.open(std::move(specs));
  for (std::uint32_t m = 0; m < plan_->messages.size(); ++m)
    if (!plan_->messages[m].spec.sending) messages_->start(m);
  const std::uint32_t graph = options.trace ? options.trace->add_graph(*plan_) : 0;
  const ExecutorContext execution{*plan_,        *gate_,        *messages_, options.oversubscribed,
                                  options.steal, options.order, *profile_,  options.trace,
                                  graph};
  executor_ = options.device
                  ? make_device_executor(execution, std::move(schedule), std::move(stages), options.device)
                  : make_executor(execution, options.schedule);
}

std::int64_t Replay::run(std::int64_t steps) {
  const std::string& name = program_->record->name;
  if (steps < 0) usage_error("graph '{}': run({}) asks for a negative number of steps", name, steps);
  if (failed_) usage_error("graph '{}': an earlier run failed, so it cannot run again", name);
  const std::uint32_t copy = program_->entry(next_copy_);
  if (!entered_ || copy != next_copy_) executor_->enter(copy, step_);
  entered_ = true;

  const std::int64_t first = step_;
  gate_->start(first, steps);
  failed_ = true;  // until the run has ended well
  {
    const Watchdog::Watch watch(watchdog_, name, *executor_);
    const std::uint64_t begin = ticks();
    refresh_ghosts(copy);
    for (WorkerTime& w : profile_->workers) w.communication += ticks() - begin;
    executor_->execute();
    profile_->elapsed += ticks() - begin;
  }
  failed_ = false;
  step_ = gate_->limit();
  next_copy_ = static_cast<std::uint32_t>((copy + (step_ - first)) % program_->copies);
  program_->bind_names(next_copy_);
  if (step_ == first) return 0;
  for (const BoundOperation& op : program_->operations)
    for (std::int32_t s = 0; s < static_cast<std::int32_t>(program_->stores.size()); ++s)
      if (op.writes(s)) ++program_->stores[static_cast<std::size_t>(s)]->version;
  return step_ - first;
}

// Brings ghosts up to date that the cycle itself will not touch before they are read: those of data that the
// body never writes, and those that an earlier copy of the cycle would have refreshed.
void Replay::refresh_ghosts(std::uint32_t copy) {
  std::vector<Exchange> stale;
  for (const Exchange& x : ghosts_.entry[copy]) {
    std::uint64_t& version = ghost_versions_[{x.pattern, x.store}];
    if (version != program_->stores[static_cast<std::size_t>(x.store)]->version) stale.push_back(x);
    version = program_->stores[static_cast<std::size_t>(x.store)]->version;
  }
  if (stale.empty()) return;  // on all ranks alike: versions count the same events everywhere
  std::map<RankId, Bytes> outgoing;
  for (const Exchange& x : stale) {
    const Store& store = *program_->stores[static_cast<std::size_t>(x.store)];
    const GhostPattern& p = ghosts_.patterns[x.pattern];
    for (const auto& [to, regions] : p.outgoing)
      for (const Region& r : regions) {
        Bytes& bytes = outgoing[to];
        const std::size_t at = bytes.size();
        bytes.resize(at + static_cast<std::size_t>(r.size()) * store.type().size_bytes);
        read_cells(store, p.source(store, r), bytes.data() + at);
      }
  }
  const std::map<RankId, Bytes> arrived = transport_.exchange(outgoing);
  std::map<RankId, const std::byte*> at;
  for (const auto& [from, bytes] : arrived) at[from] = bytes.data();
  for (const Exchange& x : stale) {
    Store& store = *program_->stores[static_cast<std::size_t>(x.store)];
    const GhostPattern& p = ghosts_.patterns[x.pattern];
    for (const auto& [from, regions] : p.incoming)
      for (const std::uint32_t r : regions) {
        write_cells(store, at[from], p.target(store, p.regions[r]));
        at[from] += static_cast<std::size_t>(p.regions[r].size()) * store.type().size_bytes;
      }
    Bytes own;
    for (const std::uint32_t r : p.local) {
      own.resize(static_cast<std::size_t>(p.regions[r].size()) * store.type().size_bytes);
      read_cells(store, p.source(store, p.regions[r]), own.data());
      write_cells(store, own.data(), p.target(store, p.regions[r]));
    }
  }
}

}  // namespace tutti
