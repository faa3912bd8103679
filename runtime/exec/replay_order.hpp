// What the tasks schedule asks of an order of replay.
#pragma once

#include <cstdint>

#include "runtime/exec/worker.hpp"

namespace tutti {

class ReplayOrder {
 public:
  virtual ~ReplayOrder() = default;

  /// The next step to run is `step`, and it is copy `copy` of the cycle. Needed once, and whenever the last
  /// steps were not replayed in this order.
  virtual void enter(std::uint32_t copy, std::int64_t step) = 0;
  /// What worker `w` does in the steps from `step`, which is copy `copy`, to the gate's goal.
  virtual void work(Worker& w, std::uint32_t copy, std::int64_t step) = 0;
  /// After all workers have done so: takes in what is meant for the next steps.
  virtual void settle(Worker& w) = 0;
  /// A node of this worker got a token from the network.
  virtual void take_token(Worker& w, std::uint32_t node) = 0;
};

}  // namespace tutti
