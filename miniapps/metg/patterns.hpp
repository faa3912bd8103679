// The dependence patterns of Task Bench (Slaughter et al., SC'20, section II and table II): which tasks of
// one step read the outputs of which tasks of the step before.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace metg {

/// What describes a pattern. A step has the points 0 .. width-1.
struct PatternSpec {
  std::string name = "stencil_1d";
  std::int64_t width = 1;
  std::int64_t steps = 1000;  ///< dom, tree: length of the graph
  std::int64_t radix = 3;     ///< nearest, spread, random_nearest: inputs of a task
  std::int64_t period = 3;    ///< spread, random_nearest: steps after which the dependences repeat
  double fraction = 0.25;     ///< random_nearest: share of the possible inputs that are taken
  std::uint64_t seed = 1;     ///< random_nearest
  std::uint64_t graph = 0;    ///< random_nearest: each of several graphs has its own dependences
};

const std::vector<std::string>& pattern_names();

/// A pattern as a table. Steps are counted in phases: the dependences of step s are those of phase
/// s mod phases(). dom and tree never repeat; their one period is the whole graph, and after it they start
/// again, without inputs.
class Pattern {
 public:
  /// Throws Error(usage) for an unknown name and for numbers out of range.
  explicit Pattern(const PatternSpec& spec);

  std::uint32_t width() const { return width_; }
  std::uint32_t phases() const { return phases_; }
  /// dom and tree: not every point has a task in every step, and step 0 has no inputs.
  bool has_shape() const { return has_shape_; }

  /// False where the step has no task at this point.
  bool is_active(std::uint32_t phase, std::uint32_t point) const { return at(phase).is_active(point); }
  /// The points of the step before that the task reads: increasing, without repetition.
  std::span<const std::uint32_t> inputs(std::uint32_t phase, std::uint32_t point) const {
    return at(phase).inputs(point);
  }
  /// The reverse: the points of step `phase` that read what `point` wrote in the step before.
  std::span<const std::uint32_t> readers(std::uint32_t phase, std::uint32_t point) const {
    return readers_.row(phase * std::size_t{width_} + point);
  }

  /// One phase, looked up once for many tasks. Valid as long as the pattern it comes from.
  class Phase {
   public:
    bool is_active(std::uint32_t point) const { return point - first_point_ < points_; }
    std::span<const std::uint32_t> inputs(std::uint32_t point) const {
      return {values_ + first_[point], first_[point + 1] - first_[point]};
    }

   private:
    friend class Pattern;
    std::uint32_t first_point_ = 0;
    std::uint32_t points_ = 0;
    const std::size_t* first_ = nullptr;  // of the inputs of each point, among values_
    const std::uint32_t* values_ = nullptr;
  };
  Phase at(std::uint32_t phase) const {
    Phase p;
    p.first_point_ = active_[phase].first;
    p.points_ = active_[phase].count;
    p.first_ = inputs_.first.data() + (phase * std::size_t{width_});
    p.values_ = inputs_.values.data();
    return p;
  }

  /// Tasks of `steps` steps (a multiple of phases() if has_shape()), in closed form.
  std::int64_t tasks(std::int64_t steps) const;
  /// Inputs of the steps first .. first+steps-1, counted from the table.
  std::int64_t input_count(std::int64_t first, std::int64_t steps) const;

 private:
  struct Range {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };
  struct Rows {
    std::vector<std::size_t> first{0};
    std::vector<std::uint32_t> values;
    void add(const std::vector<std::uint32_t>& row) {
      values.insert(values.end(), row.begin(), row.end());
      first.push_back(values.size());
    }
    std::span<const std::uint32_t> row(std::size_t i) const {
      return {values.data() + first[i], first[i + 1] - first[i]};
    }
  };

  PatternSpec spec_;
  std::uint32_t width_ = 0;
  std::uint32_t phases_ = 1;
  bool has_shape_ = false;
  std::vector<Range> active_;  // by phase
  Rows inputs_;                // by phase and point
  Rows readers_;
};

}  // namespace metg
