#include "runtime/io/hdf5_transfer.hpp"

#include <algorithm>
#include <cstring>
#include <map>

#include "runtime/error.hpp"
#include "runtime/io/hdf5_sharing.hpp"
#include "runtime/io/outcome.hpp"

namespace tutti::hdf5 {

namespace {

/// Cells go between field and file through a buffer of about this size, so that files cost little memory.
constexpr std::int64_t buffer_bytes = 32 << 20;

/// The boxes into which a rank's cells are cut for transfer: slabs across the file's slowest axis.
std::vector<Box> slabs_of(const Box& block, const GridLayout& layout, const Axes& axes) {
  std::vector<Box> slabs;
  if (block.empty()) return slabs;
  int across = 2;
  for (int axis = axes.count - 1; axis >= 0; --axis)
    if (const int d = axes.dimension[axis]; d >= 0 && layout.extents()[d] > 1) across = d;
  const std::int64_t layer_cells = std::max<std::int64_t>(1, block.size() / block.extent(across));
  const std::int64_t thickness = std::max<std::int64_t>(1, buffer_bytes / 8 / layer_cells);
  for (std::int64_t lo = block.lo[across]; lo < block.hi[across]; lo += thickness) {
    Box slab = block;
    slab.lo[across] = lo;
    slab.hi[across] = std::min(lo + thickness, block.hi[across]);
    slabs.push_back(slab);
  }
  return slabs;
}

/// Calls move(cell of the field, cell of the buffer) for the cells of `box`; the buffer has the file's order.
/// Runs along dimension 2 for short pieces and dimension 0 next, which is kind to the cache in both orders.
template <class Move>
void for_each_cell(const View<double>& view, const Box& box, const Axes& axes, double* buffer, Move move) {
  Index3 stride{0, 0, 0};
  std::int64_t cells = 1;
  for (int axis = axes.count - 1; axis >= 0; --axis) {
    const int d = axes.dimension[axis];
    if (d < 0) continue;
    stride[d] = cells;
    cells *= box.extent(d);
  }
  for (std::int64_t j = 0; j < box.extent(1); ++j)
    for (std::int64_t i = 0; i < box.extent(0); ++i) {
      double* row = view.row(box.lo[0] - view.box.lo[0] + i, box.lo[1] - view.box.lo[1] + j) + box.lo[2] -
                    view.box.lo[2];
      double* other = buffer + i * stride[0] + j * stride[1];
      for (std::int64_t k = 0; k < box.extent(2); ++k) move(row[k], other[k * stride[2]]);
    }
}

/// Moves the cells of `box` between an open dataset and a buffer. An empty box takes part with no cells.
bool transfer(hid_t dataset, hid_t properties, const Axes& axes, const Box& box, double* buffer,
              Direction direction) {
  const Handle file_space(H5Dget_space(dataset), H5Sclose);
  FileShape start(axes.count, 0), count(axes.count, 1);
  for (int axis = 0; axis < axes.count && !box.empty(); ++axis) {
    const int d = axes.dimension[axis];
    if (d < 0) continue;
    start[axis] = static_cast<hsize_t>(box.lo[d]);
    count[axis] = static_cast<hsize_t>(box.extent(d));
  }
  const Handle memory_space(H5Screate_simple(axes.count, count.data(), nullptr), H5Sclose);
  if (box.empty()) {
    H5Sselect_none(file_space);
    H5Sselect_none(memory_space);
  } else {
    H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
  }
  const herr_t result =
      direction == Direction::from_file
          ? H5Dread(dataset, H5T_NATIVE_DOUBLE, memory_space, file_space, properties, buffer)
          : H5Dwrite(dataset, H5T_NATIVE_DOUBLE, memory_space, file_space, properties, buffer);
  return result >= 0;
}

void check(bool done, const char* verb, const std::string& what) {
  if (!done) environment_error("could not {} the values of {}", verb, what);
}

}  // namespace

Axes axes_of(int dimensions, bool image) {
  Axes axes{image ? 3 : dimensions, {-1, -1, -1}};
  for (int axis = 0; axis < axes.count; ++axis) {
    const int listed = image ? 2 - axis : axis;  // position in --grid
    if (listed < dimensions) axes.dimension[axis] = 3 - dimensions + listed;
  }
  return axes;
}

FileShape shape_of(const Axes& axes, const Index3& extents) {
  FileShape shape;
  for (int axis = 0; axis < axes.count; ++axis)
    shape.push_back(axes.dimension[axis] < 0 ? 1 : static_cast<hsize_t>(extents[axes.dimension[axis]]));
  return shape;
}

Mover::Mover(Transport& transport, const GridLayout& layout, bool image)
    : Mover(transport, axes_of(layout.dimensions(), image), [&] {
        std::vector<std::vector<Box>> slabs;
        for (std::uint32_t rank = 0; rank < transport.ranks(); ++rank)
          slabs.push_back(slabs_of(layout.block(RankId{rank}), layout, axes_of(layout.dimensions(), image)));
        return slabs;
      }()) {}

Mover::Mover(Transport& transport, const Axes& axes, std::vector<std::vector<Box>> slabs)
    : transport_(transport), axes_(axes), together_(opens_together(transport)), slabs_(std::move(slabs)) {
  if (opens_file()) {
    prepare();
    file_access_ = Handle(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    properties_ = Handle(H5Pcreate(H5P_DATASET_XFER), H5Pclose);
  }
  if (together_) share_by_mpi(file_access_, properties_);
  std::int64_t cells = 1;
  for (const std::vector<Box>& of_rank : slabs_) {
    steps_ = std::max(steps_, of_rank.size());
    for (const Box& box : of_rank) cells = std::max(cells, box.size());
  }
  buffer_.resize(static_cast<std::size_t>(cells));
}

bool Mover::opens_file() const { return together_ || transport_.rank() == RankId{0}; }

void Mover::read(hid_t dataset, const View<double>& cells, const std::string& what) {
  for (std::size_t step = 0; step < steps_; ++step) {
    const Box mine = slab(transport_.rank(), step);
    std::map<RankId, Bytes> outgoing;
    share_outcome(transport_, [&] {
      if (together_) return check(move(dataset, mine, Direction::from_file), "read", what);
      if (!opens_file()) return;
      for (std::uint32_t rank = transport_.ranks(); rank-- > 0;) {  // rank 0's own stays in the buffer
        const Box box = slab(RankId{rank}, step);
        if (box.empty()) continue;
        check(move(dataset, box, Direction::from_file), "read", what);
        if (rank != 0) outgoing[RankId{rank}] = bytes_of(box);
      }
    });
    if (!together_)
      for (const auto& [rank, bytes] : transport_.exchange(outgoing))
        std::memcpy(buffer_.data(), bytes.data(), bytes.size());
    for_each_cell(cells, mine, axes_, buffer_.data(), [](double& cell, double& value) { cell = value; });
  }
}

void Mover::write(hid_t dataset, const View<double>& cells, const std::string& what) {
  write(
      dataset, [&](std::size_t) { return cells; }, what);
}

void Mover::write(hid_t dataset, const std::function<View<double>(std::size_t)>& cells,
                  const std::string& what) {
  for (std::size_t step = 0; step < steps_; ++step) {
    const Box mine = slab(transport_.rank(), step);
    if (!mine.empty())
      for_each_cell(cells(step), mine, axes_, buffer_.data(),
                    [](double& cell, double& value) { value = cell; });
    std::map<RankId, Bytes> incoming;
    if (!together_) {
      std::map<RankId, Bytes> outgoing;
      if (!opens_file() && !mine.empty()) outgoing[RankId{0}] = bytes_of(mine);
      incoming = transport_.exchange(outgoing);
    }
    share_outcome(transport_, [&] {
      if (opens_file()) check(move(dataset, mine, Direction::to_file), "write", what);
      for (const auto& [rank, bytes] : incoming) {
        std::memcpy(buffer_.data(), bytes.data(), bytes.size());
        check(move(dataset, slab(rank, step), Direction::to_file), "write", what);
      }
    });
  }
}

Box Mover::slab(RankId rank, std::size_t step) const {
  const auto& slabs = slabs_[rank.index()];
  return step < slabs.size() ? slabs[step] : Box{};
}

bool Mover::move(hid_t dataset, const Box& box, Direction direction) {
  if (box.empty() && !together_) return true;
  return transfer(dataset, properties_, axes_, box, buffer_.data(), direction);
}

Bytes Mover::bytes_of(const Box& box) const {
  const auto* first = reinterpret_cast<const std::byte*>(buffer_.data());
  return Bytes(first, first + box.size() * 8);
}

}  // namespace tutti::hdf5
