// Which of several ways to do the same steps takes least time: they are tried in turns.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace tutti {

/// Steps done one way, at least 32 of them and for at least 100 us, so that its beginning and end do not
/// matter.
class Turn {
 public:
  static constexpr double shortest_s = 100e-6;

  void add(std::int64_t steps, double s) {
    steps_ += steps;
    took_s_ += s;
  }
  bool has_begun() const { return steps_ > 0; }
  bool is_over() const { return steps_ >= fewest && took_s_ >= shortest_s; }
  bool is_well_begun() const { return took_s_ >= shortest_s / 4; }
  double step_s() const { return took_s_ / static_cast<double>(steps_); }
  /// How many more steps will have it over, or well begun if it is not: at first one, to learn what one
  /// takes.
  std::int64_t steps_left() const {
    if (!has_begun()) return 1;
    const double left_s = (is_well_begun() ? shortest_s : shortest_s / 4) - took_s_;
    const auto by_time = static_cast<std::int64_t>(std::ceil(left_s / std::max(step_s(), shortest_step_s)));
    return std::max({by_time, fewest - steps_, std::int64_t{1}});
  }

 private:
  static constexpr std::int64_t fewest = 32;
  static constexpr double shortest_step_s = 1e-9;

  std::int64_t steps_ = 0;
  double took_s_ = 0;
};

/// Each way has two turns, and the better one of them counts: what disturbed one turn alone decides nothing.
/// A way that takes far more time than another is given up after a quarter of a turn.
class Contest {
 public:
  static constexpr std::size_t most_ways = 3;

  /// Begins anew, among so many ways.
  void start(std::size_t ways) {
    ways_ = ways;
    best_s_.fill(std::numeric_limits<double>::infinity());
    turns_ = 0;
    turn_ = {};
  }
  bool decided() const { return turns_ == 2 * ways_; }
  bool is_within_turn() const { return turn_.has_begun(); }

  /// The way whose turn it is, and how many steps it is to do before took().
  std::size_t way() const { return turns_ % ways_; }
  std::int64_t steps() const { return turn_.steps_left(); }
  /// These steps, of that way, took so long.
  void took(std::int64_t steps, double s) {
    turn_.add(steps, s);
    if (!turn_.is_over() && !(turn_.is_well_begun() && is_hopeless(turn_.step_s()))) return;
    best_s_[way()] = std::min(best_s_[way()], turn_.step_s());
    do ++turns_;
    while (turns_ >= ways_ && !decided() && is_hopeless(best_s_[way()]));
    turn_ = {};
  }

  /// The way that took least, though another one only if it took less than `part` of way 0's time.
  std::size_t winner(double part) const {
    const auto least = std::min_element(best_s_.begin(), best_s_.end());
    return *least < part * best_s_[0] ? static_cast<std::size_t>(least - best_s_.begin()) : 0;
  }
  /// A step, that way.
  double step_s(std::size_t way) const { return best_s_[way]; }

 private:
  static constexpr double hopeless_part = 1.5;  // of another's time

  bool is_hopeless(double step_s) const {
    return step_s > hopeless_part * *std::min_element(best_s_.begin(), best_s_.end());
  }

  std::size_t ways_ = 0;
  std::array<double, most_ways> best_s_{};  // a step, by way
  std::size_t turns_ = 0;                   // that are over, or given up
  Turn turn_;
};

}  // namespace tutti
