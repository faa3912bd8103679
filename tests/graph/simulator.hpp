// The deterministic executor: n ranks in one thread, and a seed that picks what happens next.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/exec/gate.hpp"
#include "runtime/graph/plan.hpp"

namespace tutti::test {

/// Replays the plans of all ranks. Events (take a ready node, finish it, release a successor, complete a
/// send, deliver a message) happen one at a time, in an order that only the seed and the plans' rules decide.
class Simulator {
 public:
  /// Compiles the record of every rank, exchanging needs as the transport would.
  Simulator(std::vector<Record> records, const std::vector<RankContext>& contexts, std::uint64_t seed);

  /// Runs up to `steps` steps on all ranks and returns how many were done. Throws std::logic_error if ranks
  /// disagree, tokens collide, nodes are left over or nothing can happen any more.
  std::int64_t run(std::int64_t steps);

  const Plan& plan(std::size_t rank) const { return *ranks_[rank].plan; }
  const Dataflow& flow(std::size_t rank) const { return ranks_[rank].flow; }

 private:
  using Channel = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;  // sender, receiver, tag
  struct Rank {
    std::unique_ptr<Plan> plan;
    Ghosts ghosts;
    Dataflow flow;
    std::unique_ptr<StepGate> gate;
    std::vector<std::uint32_t> counters;
    std::vector<std::int64_t> next_step;
    std::vector<std::uint32_t> ready;  // including those beyond the gate
    std::vector<std::uint32_t> running;
    std::vector<std::uint32_t> tokens;  // released, not yet counted
    std::vector<bool> armed;            // by message: a receive is posted
    std::map<std::pair<std::uint32_t, std::int32_t>, std::uint64_t> ghost_versions;
  };

  void enter(Rank& r, std::uint32_t copy);
  void refresh_ghosts(std::uint32_t copy);
  bool step_rank(std::size_t index);
  void finish(std::size_t index, std::uint32_t node);
  bool deliver(std::size_t index);
  template <class T>
  T take_random(std::vector<T>& from);

  std::vector<Rank> ranks_;
  std::map<Channel, std::deque<Bytes>> channels_;
  std::mt19937_64 random_;
  std::int64_t step_ = 0;
  std::uint32_t next_copy_ = 0;
  bool entered_ = false;
};

}  // namespace tutti::test
