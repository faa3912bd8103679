// The stages of a device schedule as dataflow: for ranks whose device needs the host, or others, in every
// step.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include <sched.h>

#include "runtime/exec/device_stages.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/exec/memory_order.hpp"

namespace tutti {

/// One thread replays the stages. A stage of the device releases another one as soon as it is on its stream:
/// streams and events keep the order from there, and the host runs ahead. It releases what the host does (the
/// start of a message) when its event has happened.
class DeviceDataflow {
 public:
  /// All of it outlives this.
  DeviceDataflow(const ExecutorContext& c, const DeviceSchedule& schedule, DeviceStages& stages,
                 DeviceContext& context);

  /// The next step to run is `step`, and it is copy `copy` of the cycle.
  void enter(std::uint32_t copy, std::int64_t step);
  /// Runs to the gate's limit. Throws what a stage of the host threw, with the place where it happened.
  void run();

  /// Grows while there is progress; and what it waits for. Any thread.
  std::uint64_t progress_count() const { return progress_.load(std::memory_order_relaxed); }
  std::string explain() const;

 private:
  static constexpr std::uint32_t none = ~0U;
  static constexpr std::uint32_t ahead = 4;  // times that a stage may be on its stream

  struct Moving {
    std::uint32_t counter = 0;
    std::int64_t step = 0;
    std::uint64_t issued = 0;           ///< times, in all runs
    EventId events[ahead];              ///< of the last ones
    std::vector<Edge> next;             ///< edges from this stage
    std::vector<std::uint32_t> before;  ///< stages of the device on other streams that it comes after
    std::uint32_t in_degree = 0;
  };
  struct Flying {
    std::uint32_t stage;
    EventId event;
    std::uint64_t begin;
    std::int64_t step;
  };

  bool is_device(std::uint32_t s) const { return schedule_.stages[s].kind == Stage::Kind::device; }
  StreamId stream_of(std::uint32_t s) const {
    return schedule_.stages[s].transfers ? context_.transfer : context_.compute;
  }
  void join_edges();

  bool finished() const;
  bool may_run(std::uint32_t s) const;
  void run_stage(std::uint32_t s);
  void put(std::uint32_t s, std::int64_t step);
  void perform_nodes(const Stage& stage, std::int64_t step);
  void note_times(const std::vector<std::uint32_t>& nodes, std::uint64_t begin, std::uint64_t now,
                  std::int64_t step);
  void count_down(std::uint32_t s);
  bool look_at_device();
  bool look_at_messages();
  void start(std::uint32_t message);
  void complete(std::uint32_t message);
  void wait();
  void end_wait();
  std::uint32_t next_awaiting() const;

  Plan& plan_;
  StepGate& gate_;
  Messages& messages_;
  bool oversubscribed_;
  Profile& profile_;
  TraceRing* trace_;
  std::uint32_t graph_;
  const DeviceSchedule& schedule_;
  DeviceStages& stages_;
  DeviceContext& context_;
  Device& device_;
  std::int64_t copies_;
  std::vector<Moving> moving_;           // by stage
  std::vector<std::uint32_t> awaiting_;  // by message: the stage
  std::vector<bool> is_there_;           // by message: arrived, or its staging is free
  std::deque<std::uint32_t> ready_;
  std::vector<Flying> flying_;
  std::vector<std::uint32_t> done_;
  std::uint64_t last_done_ = 0;
  std::uint64_t wait_begin_ = 0;
  std::atomic<std::uint64_t> progress_{0};
  std::atomic<std::uint32_t> waits_for_{none};
};

/// What a thread does that waits for a device.
inline void give_way(bool oversubscribed) {
  if (oversubscribed)
    sched_yield();
  else
    cpu_relax();
}

}  // namespace tutti
