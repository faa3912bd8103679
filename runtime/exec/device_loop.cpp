#include "runtime/exec/device_loop.hpp"

#include <algorithm>

namespace tutti {
namespace {

constexpr std::int64_t steps_at_once = 64;
constexpr std::size_t ahead = 2;  // launches on the stream

Argument list(void* data, std::int64_t n) { return {data, n, n, {{0, 0, 0}, {1, 1, n}}}; }

bool decides(const BoundOperation& o) { return o.operation->kind == OperationKind::stop_when; }

}  // namespace

DeviceLoop::DeviceLoop(const Plan& plan, const DeviceSchedule& schedule, DeviceStages& stages,
                       DeviceContext& context)
    : context_(context),
      device_(*context.device),
      copies_(plan.copies_per_cycle()),
      memory_(context.device, sizeof(StepLoop), "a loop"),
      pinned_(std::make_unique<PinnedBuffer>(context.device, (ahead + 1) * sizeof(StepLoop), "a loop")) {
  for (std::size_t i = 0; i < ahead; ++i)
    launches_.push_back({device_.make_event(), reinterpret_cast<StepLoop*>(pinned_->data()) + i});
  resume_ = prepare(resume_steps(steps_at_once), {loop_argument()});
  record_pieces(plan, schedule, stages);
  std::vector<DeviceGraph*> pieces;
  for (const auto& p : pieces_) pieces.push_back(p.get());
  loop_ = device_.make_loop(pieces, &static_cast<StepLoop*>(loop_argument().data)->next);
}

void DeviceLoop::record_pieces(const Plan& plan, const DeviceSchedule& schedule, DeviceStages& stages) {
  const auto& operations = plan.program->operations;
  std::vector<std::int64_t> lags;
  for (const BoundOperation& o : operations)
    if (decides(o)) lags.push_back(o.operation->lag);
  lags_ = DeviceBuffer(context_.device, lags.size() * sizeof(std::int64_t), "a loop");
  StridedCopy up;
  up.from = reinterpret_cast<const std::byte*>(lags.data());
  up.to = lags_.data();
  up.row_bytes = lags.size() * sizeof(std::int64_t);
  device_.copy(up, Direction::to_device, context_.compute);
  device_.synchronize();

  auto* next_lag = reinterpret_cast<std::int64_t*>(lags_.data());
  std::uint32_t o = 0;
  for (std::uint32_t copy = 0; copy < copies_; ++copy) {
    std::byte* decisions = stages.decision(o);
    std::int64_t n = 0;
    for (; o < operations.size() && operations[o].copy == copy; ++o) n += decides(operations[o]) ? 1 : 0;
    ends_.push_back(prepare(end_of_step(copies_), {list(decisions, n), list(next_lag, n), loop_argument()}));
    next_lag += n;
    device_.begin_capture(context_.compute);
    for (std::uint32_t s = 0; s < schedule.stages.size(); ++s)
      if (schedule.stages[s].copy == copy) stages.put_operations(s, context_.compute);
    device_.launch(*ends_.back(), context_.compute);
    pieces_.push_back(device_.end_capture(context_.compute));
  }
}

Argument DeviceLoop::loop_argument() const { return list(memory_.data(), 1); }

std::unique_ptr<PreparedLaunch> DeviceLoop::prepare(Kernel kernel, std::vector<Argument> arguments) {
  DeviceLaunch launch;
  launch.kernel = std::move(kernel);
  launch.step = &static_cast<const StepLoop*>(loop_argument().data)->step;
  launch.arguments = std::move(arguments);
  launch.parts.resize(1);
  launch.parts[0].task.box = loop_argument().box;
  return device_.prepare(std::move(launch));
}

void DeviceLoop::copy(const StepLoop* from, StepLoop* to, Direction direction) {
  StridedCopy c;
  c.from = reinterpret_cast<const std::byte*>(from);
  c.to = reinterpret_cast<std::byte*>(to);
  c.row_bytes = sizeof(StepLoop);
  device_.copy(c, direction, context_.compute);
}

void DeviceLoop::put(const Launch& launch) {
  device_.launch(*resume_, context_.compute);
  device_.launch(*loop_, context_.compute);
  copy(static_cast<const StepLoop*>(loop_argument().data), launch.seen, Direction::to_host);
  device_.record(launch.event, context_.compute);
}

std::int64_t DeviceLoop::run(std::int64_t first, std::uint32_t copy_of_first, std::int64_t limit,
                             const std::function<void()>& wait, const std::function<void()>& progress) {
  StepLoop* const start = launches_.back().seen + 1;
  *start = {first, copy_of_first, limit, first, -1};
  copy(start, static_cast<StepLoop*>(loop_argument().data), Direction::to_device);
  std::int64_t may_reach = first;  // by all launches so far
  std::size_t put_so_far = 0, done = 0;
  StepLoop now = *start;
  while (now.step < now.limit || done < put_so_far) {
    for (; put_so_far < done + ahead && may_reach < now.limit; ++put_so_far, may_reach += steps_at_once)
      put(launches_[put_so_far % ahead]);
    while (!device_.has_happened(launches_[done % ahead].event)) wait();
    now = *launches_[done++ % ahead].seen;
    progress();
  }
  count(first, now.step, copy_of_first);
  return now.step;
}

void DeviceLoop::count(std::int64_t first, std::int64_t end, std::uint32_t copy) {
  for (std::int64_t c = 0; c < copies_; ++c) {  // how many of the steps are copy c
    const std::int64_t before = (c - copy + copies_) % copies_;
    const std::int64_t times = std::max<std::int64_t>(0, (end - first - before + copies_ - 1) / copies_);
    device_.count_rounds(*pieces_[static_cast<std::size_t>(c)], static_cast<std::uint64_t>(times));
  }
}

}  // namespace tutti
