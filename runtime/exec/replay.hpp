// A recorded graph on one rank: its plan, the messages, the executor, and what happens between runs.
#pragma once

#include <cstdint>
#include <memory>

#include "runtime/comm/transport.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/exec/gate.hpp"
#include "runtime/graph/plan.hpp"
#include "runtime/options.hpp"

namespace tutti {

class Watchdog;
struct DeviceContext;

struct ReplayOptions {
  Schedule schedule = Schedule::tasks;
  bool oversubscribed = false;
  bool steal = true;
  Order order = Order::automatic;
  Watchdog* watchdog = nullptr;             ///< may be null
  Trace* trace = nullptr;                   ///< may be null
  std::shared_ptr<DeviceContext> device{};  ///< null: this rank computes on the host
};

class Replay {
 public:
  /// Compiles a record: unroll, ghosts, analyse, lower; exchanges what ranks need of each other. Collective.
  /// Throws Error(usage) on all ranks if they recorded different things.
  Replay(Record record, const RankContext& context, Transport& transport, const ReplayOptions& options);

  /// Runs the next `steps` steps or fewer; see Graph::run.
  std::int64_t run(std::int64_t steps);

  std::int64_t steps_done() const { return step_; }
  std::shared_ptr<const Plan> plan() const { return plan_; }
  const std::shared_ptr<Profile>& profile() const { return profile_; }

 private:
  void refresh_ghosts(std::uint32_t copy);

  Transport& transport_;
  Watchdog* watchdog_;
  std::shared_ptr<const Program> program_;
  Ghosts ghosts_;
  std::shared_ptr<Plan> plan_;
  std::shared_ptr<Profile> profile_;
  std::unique_ptr<StepGate> gate_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Messages> messages_;  // ends first: staging may be the executor's
  std::int64_t step_ = 0;               // recorded steps done
  std::uint32_t next_copy_ = 0;         // copy of step_, if nobody swaps names meanwhile
  bool entered_ = false;
  bool failed_ = false;
  std::map<std::pair<std::uint32_t, std::int32_t>, std::uint64_t> ghost_versions_;  // by pattern and store
};

}  // namespace tutti
