// Executors: how the nodes of a plan are made to happen.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/comm/transport.hpp"
#include "runtime/exec/gate.hpp"
#include "runtime/graph/plan.hpp"
#include "runtime/insight/meter.hpp"
#include "runtime/options.hpp"

namespace tutti {

/// Runs the steps of one plan on one rank. Used by one thread, which becomes worker 0 of the team.
class Executor {
 public:
  virtual ~Executor() = default;

  /// The next step to run is `step`, and it is copy `copy` of the cycle. Called before the first execute()
  /// and whenever a run enters at another copy than where the last one ended.
  virtual void enter(std::uint32_t copy, std::int64_t step) = 0;

  /// Runs all steps from the current one to gate.limit(), which stop_when may lower meanwhile. When it
  /// returns, all messages of these steps have left. Throws Error naming operation, tile and step for what a
  /// kernel threw; the executor is then of no further use.
  virtual void execute() = 0;

  /// Grows while there is progress; and what every worker does and waits for, in one line. Any thread.
  virtual std::uint64_t progress_count() const = 0;
  virtual std::string explain() const = 0;
};

/// What an executor works with; all of it outlives the executor.
struct ExecutorContext {
  Plan& plan;
  StepGate& gate;
  Messages& messages;   ///< one per plan.messages, receives posted
  bool oversubscribed;  ///< more workers than cores: give way instead of spinning
  bool steal;           ///< idle workers take nodes of others
  Order order;          ///< tasks schedule: in which order a worker runs its nodes
  Profile& profile;     ///< where the time goes, filled in every run
  Trace* trace;         ///< may be null
  std::uint32_t graph;  ///< as numbered by the trace
};

/// The tasks schedule: replays the plan as dataflow on an OpenMP team, in free order (free_order.hpp) or,
/// where all nodes are brief, in fixed order (fixed_order.hpp).
std::unique_ptr<Executor> make_task_executor(const ExecutorContext& context);

/// The bulk schedule: every operation as one OpenMP parallel loop with a barrier and a blocking exchange.
/// With `whole_blocks`, operations on all tiles use the kernel's Kokkos body instead (the kokkos schedule).
std::unique_ptr<Executor> make_bulk_executor(const ExecutorContext& context, bool whole_blocks);

/// Throws Error(environment): OpenMP gave fewer threads than workers.
[[noreturn]] void wrong_team(std::uint32_t workers);
/// Wraps what a node threw with the place where it happened.
[[noreturn]] void rethrow_from(const Plan& plan, NodeId node, std::int64_t step,
                               const std::exception_ptr& thrown);

}  // namespace tutti
