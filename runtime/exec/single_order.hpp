// Replay by one worker: it runs all nodes one after the other, and the others sleep.
#pragma once

#include <cstdint>

#include "runtime/exec/replay_order.hpp"
#include "runtime/exec/team.hpp"

namespace tutti {

/// For steps so short that the way of their data from core to core takes longer than to compute it. The order
/// of the program keeps all edges, so nothing is counted and nobody is told. Only for a rank that exchanges
/// no messages.
class SingleOrder final : public ReplayOrder {
 public:
  explicit SingleOrder(Team& team) : team_(team) {}

  void enter(std::uint32_t /*copy*/, std::int64_t /*step*/) override {}
  void work(Worker& w, std::uint32_t copy, std::int64_t step) override;
  void settle(Worker& /*w*/) override {}
  void take_token(Worker& /*w*/, std::uint32_t /*node*/) override {}  // there are none

 private:
  void run_steps(Worker& w, std::uint32_t copy, std::int64_t step);
  void bring(const HotNode& done);
  void sleep(Worker& w);

  Team& team_;
};

}  // namespace tutti
