// What metg can be asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "miniapps/metg/task.hpp"
#include "runtime/options.hpp"

struct MetgOptions : tutti::Options {
  std::string pattern = "stencil_1d";
  std::string width = "1x";  ///< tasks of a step: a number, or a multiple of all workers (4x)
  std::int64_t steps = 0;    ///< of a run; 0: 1000, in a sweep over a pattern that repeats 10000
  std::string kernel = "compute_bound";
  std::int64_t iterations = 100;
  std::int64_t output_bytes = 16;
  std::int64_t graphs = 1;
  std::int64_t radix = 3;
  std::int64_t period = 3;
  double fraction = 0.25;
  double imbalance = 1;
  bool persistent = false;
  bool no_check = false;
  bool sweep = false;
  std::string against;               ///< as given
  std::vector<std::string> systems;  ///< the words of `against`

  std::string app_name() const override { return "metg"; }
  std::string app_description() const override { return "overhead and smallest useful size of tasks"; }
  void declare(CLI::App& app) override;
  void validate() override;

  bool compares_with(const std::string& system) const;
  /// Throws Error(usage) for numbers that do not fit each other. `workers`: of all ranks together.
  metg::Problem problem(std::uint32_t workers) const;

 private:
  std::int64_t width_in_tasks(std::uint32_t workers) const;
};
