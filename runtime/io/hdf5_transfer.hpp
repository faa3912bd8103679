// How the cells of a field travel between the ranks' blocks and a dataset. Internal to the HDF5 files.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "runtime/comm/transport.hpp"
#include "runtime/data/grid.hpp"
#include "runtime/data/view.hpp"
#include "runtime/io/hdf5_handle.hpp"

namespace tutti::hdf5 {

/// How a dataset's axes lie to those of a grid: for each axis of the file the dimension in Index3, or -1 for
/// an axis of extent 1 that the grid does not have.
struct Axes {
  int count = 0;
  std::array<int, 3> dimension{-1, -1, -1};
};
Axes axes_of(int dimensions, bool image);
/// The extents of the dataset that holds a grid.
FileShape shape_of(const Axes& axes, const Index3& extents);

enum class Direction { from_file, to_file };

/// One rank's part in reading or writing fields of one layout with one file, slab by slab. Ranks that do not
/// open the file call nothing of HDF5, which need not be safe for threads: simulated ranks are threads.
class Mover {
 public:
  Mover(Transport& transport, const GridLayout& layout, bool image);
  /// The boxes that each rank moves, in order.
  Mover(Transport& transport, const Axes& axes, std::vector<std::vector<Box>> slabs);

  const Axes& axes() const { return axes_; }
  hid_t file_access() const { return file_access_; }
  bool opens_file() const;

  /// `dataset` is read on the ranks that open the file. Collective. Throws Error(environment) that names
  /// `what`.
  void read(hid_t dataset, const View<double>& cells, const std::string& what);
  /// The reverse.
  void write(hid_t dataset, const View<double>& cells, const std::string& what);
  /// The same where cells(i) has this rank's box i.
  void write(hid_t dataset, const std::function<View<double>(std::size_t)>& cells, const std::string& what);

 private:
  Box slab(RankId rank, std::size_t step) const;
  bool move(hid_t dataset, const Box& box, Direction direction);
  Bytes bytes_of(const Box& box) const;

  Transport& transport_;
  Axes axes_;
  bool together_;
  Handle file_access_;
  Handle properties_;
  std::vector<std::vector<Box>> slabs_;  // by rank
  std::size_t steps_ = 0;                // most slabs of any rank
  std::vector<double> buffer_;
};

}  // namespace tutti::hdf5
