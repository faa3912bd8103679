// What heat can be asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/data/grid.hpp"
#include "runtime/options.hpp"

struct HeatOptions : tutti::Options {
  std::vector<std::int64_t> grid;  ///< NX,NY,NZ or NX,NY, or one number for a cube; empty: see complete()
  std::int64_t steps = 100;
  std::string equation = "heat";     ///< heat or wave
  int order = 2;                     ///< wave: 2 or 8
  int stencil = 0;                   ///< heat: points, 7 or 27 in 3-D, 5 in 2-D; 0: 7 or 5
  std::string boundary;              ///< zero or periodic; empty: what has an analytic solution, else zero
  std::string initial;               ///< FILE:/DATASET; empty: the sine mode
  std::vector<std::int64_t> mode;    ///< half waves along each dimension; empty: 1 in each
  double delay_us = 0;               ///< of one task in each step, on one rank after the other
  std::string stores = "automatic";  ///< automatic, cached or streaming

  std::string app_name() const override { return "heat"; }
  std::string app_description() const override { return "heat and wave equation on a regular grid"; }
  void declare(CLI::App& app) override;
  void validate() override;

  /// Fills in what was left open, once the extents are known: from --grid or from the file of --initial.
  void complete(const std::vector<std::int64_t>& extents);

  bool is_wave() const { return equation == "wave"; }
  bool starts_from_file() const { return !initial.empty(); }
  bool is_periodic() const { return boundary == "periodic"; }
  int radius() const { return is_wave() && order == 8 ? 4 : 1; }
  tutti::GridOptions grid_options() const;
  /// "7-point heat equation" and the like
  std::string problem() const;
};
