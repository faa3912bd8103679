// Which order of replay suits a plan, by what its nodes took so far.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "runtime/exec/contest.hpp"
#include "runtime/exec/team.hpp"

namespace tutti {

/// Free order, with more workers than cores and before all nodes have been measured. Then fixed order for
/// nodes that are all brief, where stealing would win nothing: nobody may, or the workers' shares are alike,
/// or differ by less than a node costs to take. Where steps are short on a rank that exchanges no messages,
/// the other orders that may be quicker are tried, too, in turns and now and again. Tells the team what
/// nodes took, and which workers are overloaded.
class OrderChoice {
 public:
  OrderChoice(Team& team, const Profile& profile, Order wanted);

  struct Segment {
    Order order = Order::free;
    std::int64_t until = 0;  ///< the step before which to ask again
  };
  /// At the start of a run, when the next step is `step`, and then after each segment, which took so long.
  Segment first(std::int64_t step);
  Segment next(std::int64_t step, double took_s);

 private:
  static constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();
  static constexpr std::int64_t trial = 16;         // steps in which nodes are measured first
  static constexpr std::int64_t trials_end = 4096;  // what holds then holds for the rest of a run
  static constexpr std::int64_t chunk = 1 << 10;    // steps in fixed order before a second look, in each run
  static constexpr std::int64_t pause = 16;         // turns' time between contests, at first

  struct Candidates {
    std::array<Order, Contest::most_ways> orders{};
    std::size_t count = 0;
    void add(Order order) { orders[count++] = order; }
    Order operator[](std::size_t i) const { return orders[i]; }
    const Order* begin() const { return orders.data(); }
    const Order* end() const { return orders.data() + count; }
  };

  Segment begin();
  bool saw_long_nodes() const;
  void look_at_nodes();
  void measure(std::size_t node);
  void took(std::int64_t steps, double s);
  void decide();

  Team& team_;
  const Profile& profile_;
  Order wanted_;
  std::vector<double> load_s_;  // of each worker in one cycle
  std::vector<NodeTime> seen_;  // at the last look
  std::int64_t look_at_ = 0;    // at what step to look at all nodes again
  std::int64_t chunk_ = chunk;

  // the orders that may be quickest, the likeliest one first; a contest is held if they are several
  Candidates candidates_{{Order::free}, 1};
  Contest contest_;
  Order winner_ = Order::free;
  Order rival_ = Order::free;  // won the last contest
  double winner_s_ = 0;        // what a step took of the winner, in the last contest
  Turn lately_;                // of the winner, since then
  std::int64_t contest_at_ = 0;
  std::int64_t pause_ = pause;

  std::int64_t step_ = 0;  // the first of the segment that is on its way
};

}  // namespace tutti
