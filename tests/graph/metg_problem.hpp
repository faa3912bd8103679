// Graphs of metg as its tests run them: two at once, tasks of different sizes, every input checked.
#pragma once

#include "miniapps/metg/task.hpp"

namespace metg {

inline constexpr std::int64_t steps = 23;  // coprime to the periods

inline Problem make_problem(const std::string& pattern) {
  Problem p;
  for (std::uint64_t g = 0; g < 2; ++g) {
    PatternSpec s;
    s.name = pattern;
    s.width = 9;
    s.steps = steps;
    s.radix = 4;
    s.graph = g;
    p.graphs.emplace_back(s);
  }
  p.work.kind = KernelKind::load_imbalance;
  p.work.iterations = 20;
  p.work.imbalance = 1;
  p.work.width = p.width();
  p.output_words = 6;
  return p;
}

/// What all ranks together must have done after so many steps.
inline Tally wanted(const Problem& problem, std::int64_t all_steps) {
  Tally t;
  for (const Pattern& p : problem.graphs) {
    t.tasks += static_cast<std::uint64_t>(p.tasks(all_steps));
    t.inputs += static_cast<std::uint64_t>(p.input_count(0, all_steps));
  }
  return t;
}

}  // namespace metg
