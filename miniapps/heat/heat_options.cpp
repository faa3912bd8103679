#include "miniapps/heat/heat_options.hpp"

#include "runtime/error.hpp"
#include "runtime/insight/provenance.hpp"

using tutti::usage_error;

void HeatOptions::declare(CLI::App& app) {
  tutti::add_extents(app, "--grid", grid, "cells NX,NY,NZ or NX,NY; one number means a cube (default: 128)");
  tutti::add_integer(app, "--steps", steps, 1, "time steps of each repeat (default: 100)");
  tutti::add_choice(app, "--equation", equation, {"heat", "wave"}, "what is solved (default: heat)");
  tutti::add_integer(app, "--order", order, 2, "wave: order in space, 2 or 8 (default: 2)");
  tutti::add_integer(app, "--stencil", stencil, 5,
                     "heat: points, 7 or 27 in 3-D, 5 in 2-D (default: 7 or 5)");
  tutti::add_choice(app, "--boundary", boundary, {"zero", "periodic"},
                    "values outside (default: zero;\n"
                    "periodic for order 8 from the sine mode, which then has a known solution)");
  tutti::add_text(app, "--initial", initial, "start from this array of an HDF5 file, FILE:/DATASET");
  tutti::add_extents(app, "--mode", mode,
                     "waves of the initial sine mode, half ones unless periodic (default: 1,1,1)");
  tutti::add_number(app, "--delay", delay_us, 0,
                    "delay a task of each step, on one rank after the other, by so many us");
  tutti::add_choice(app, "--stores", stores, {"automatic", "cached", "streaming"},
                    "how results are written (default: streaming where the fields exceed the cache)");
}

void HeatOptions::validate() {
  if (order != 2 && order != 8) usage_error("--order takes 2 or 8, not {}", order);
  if (order == 8 && !is_wave()) usage_error("--order 8 needs --equation wave");
  if (stencil != 0 && is_wave())
    usage_error("--stencil needs --equation heat; the wave equation has --order");
  if (stencil != 0 && stencil != 5 && stencil != 7 && stencil != 27)
    usage_error("--stencil takes 5, 7 or 27, not {}", stencil);
  if (starts_from_file() && !mode.empty()) usage_error("--mode and --initial exclude each other");
  if ((starts_from_file() || !output.empty()) && !tutti::built_with("hdf5"))
    usage_error("{}: this build has no HDF5 (configure with -DTUTTI_HDF5=ON)",
                starts_from_file() ? "--initial" : "--output");
  if (boundary.empty()) boundary = radius() > 1 && !starts_from_file() ? "periodic" : "zero";
  if (grid.size() == 1) grid.assign(3, grid[0]);
  if (grid.empty() && !starts_from_file()) grid.assign(3, 128);
  if (!grid.empty()) complete(grid);
}

void HeatOptions::complete(const std::vector<std::int64_t>& extents) {
  grid = extents;
  const std::size_t dimensions = grid.size();
  if (dimensions == 1) usage_error("'{}' has one dimension; heat takes grids of 2 or 3", initial);
  if (is_wave() && dimensions == 2) usage_error("--equation wave needs a grid of 3 dimensions");
  if (stencil != 0 && (stencil == 5) != (dimensions == 2))
    usage_error("--stencil {} does not fit a grid of {} dimensions", stencil, dimensions);
  if (!is_wave() && stencil == 0) stencil = dimensions == 2 ? 5 : 7;
  if (mode.empty()) mode.assign(dimensions, 1);
  if (mode.size() != dimensions)
    usage_error("--mode has {} numbers for a grid of {} dimensions", mode.size(), dimensions);
  if (tile.size() == 1) tile.assign(dimensions, tile[0]);
  if (!tile.empty() && tile.size() != dimensions)
    usage_error("--tile has {} numbers for a grid of {} dimensions", tile.size(), dimensions);
}

tutti::GridOptions HeatOptions::grid_options() const {
  tutti::GridOptions options;
  options.tile = tile;
  options.boundary = is_periodic() ? tutti::Boundary::wrap() : tutti::Boundary::fixed(0);
  options.halo = radius();
  return options;
}

std::string HeatOptions::problem() const {
  return is_wave() ? fmt::format("wave equation, order {} in space", order)
                   : fmt::format("{}-point heat equation", stencil);
}
