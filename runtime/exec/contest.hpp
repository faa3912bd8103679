// Which of several ways to do the same steps takes least time: they are tried in turns.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace tutti {

/// Each way has two turns, and the better one of them counts: what disturbed one turn alone decides nothing.
/// A turn lasts at least 32 steps and 200 us, so that its beginning and end do not matter; but a way that
/// takes far more time than another is given up after a quarter of it.
class Contest {
 public:
  static constexpr std::size_t most_ways = 3;

  /// Begins anew, among so many ways.
  void start(std::size_t ways) {
    ways_ = ways;
    best_s_.fill(std::numeric_limits<double>::infinity());
    turn_ = 0;
    begin_turn();
  }
  bool decided() const { return turn_ == 2 * ways_; }
  bool is_within_turn() const { return done_ > 0; }

  /// The way whose turn it is, and how many steps it is to do before took().
  std::size_t way() const { return turn_ % ways_; }
  std::int64_t steps() const { return std::min(turn_steps_ - done_, turn_steps_ / 4); }
  /// These steps, of that way, took so long.
  void took(std::int64_t steps, double s) {
    done_ += steps;
    took_s_ += s;
    const double step_s = took_s_ / static_cast<double>(done_);
    const bool gives_up = took_s_ >= shortest_s / 4 && step_s > hopeless_part * least_s();
    if (done_ < turn_steps_ && !gives_up) return;
    if (took_s_ < shortest_s && !gives_up) {
      turn_steps_ *= 8;
      return start(ways_);
    }
    best_s_[way()] = std::min(best_s_[way()], step_s);
    do ++turn_;
    while (turn_ >= ways_ && !decided() && best_s_[way()] > hopeless_part * least_s());
    begin_turn();
  }

  /// The way that took least, though another one only if it took less than `part` of way 0's time.
  std::size_t winner(double part) const {
    const auto least = std::min_element(best_s_.begin(), best_s_.end());
    return *least < part * best_s_[0] ? static_cast<std::size_t>(least - best_s_.begin()) : 0;
  }
  /// The steps of one turn.
  std::int64_t turn_steps() const { return turn_steps_; }

 private:
  static constexpr double shortest_s = 200e-6;
  static constexpr double hopeless_part = 1.5;  // of another's time

  double least_s() const { return *std::min_element(best_s_.begin(), best_s_.end()); }
  void begin_turn() {
    done_ = 0;
    took_s_ = 0;
  }

  std::size_t ways_ = 0;
  std::array<double, most_ways> best_s_{};  // a step, by way
  std::int64_t turn_steps_ = 32;
  std::size_t turn_ = 0;
  std::int64_t done_ = 0;
  double took_s_ = 0;
};

}  // namespace tutti
