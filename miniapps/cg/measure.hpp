// The speed of the matrix-vector product against the memory bandwidth measured beside it.
#pragma once

#include <vector>

#include <tutti/tutti.hpp>

#include "miniapps/cg/solver.hpp"

class ProductBandwidth {
 public:
  ProductBandwidth(tutti::Runtime& rt, const LinearSystem& system);
  /// Bandwidths of all ranks together (reading, and triad; on devices that of a copy stands for both), and
  /// then some products. Collective.
  void measure();
  /// Medians: triad_gb_s, read_gb_s, spmv_gb_s (12 bytes per entry of the matrix), spmv_fraction_of_read (of
  /// the ratios measured side by side).
  void report(tutti::Report& report) const;
  double triad_gb_s() const { return tutti::median_interval(triad_gb_s_).median; }

 private:
  void measure_bound();

  tutti::Runtime& rt_;
  double bytes_;
  tutti::Vector<double> y_;
  tutti::Graph product_;
  std::vector<double> triad_gb_s_, read_gb_s_, spmv_gb_s_, fraction_;
};
