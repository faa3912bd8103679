#include <cstdio>

#include <fmt/format.h>

#include "runtime/error.hpp"
#include "runtime/io/hdf5_transfer.hpp"
#include "runtime/io/hdf5_writer.hpp"
#include "runtime/io/outcome.hpp"
#include "runtime/io/vector_file.hpp"

namespace tutti {

using namespace hdf5;

namespace {

/// Rows that lie in their order go in pieces, which need buffers of 32 MiB.
constexpr std::int64_t piece_rows = 1 << 22;

/// What each rank writes, in the order of its rows.
std::vector<std::vector<Box>> boxes_of(const RowsLayout& rows, const VectorShape& shape) {
  std::vector<std::vector<Box>> boxes(rows.ranks());
  for (std::uint32_t r = 0; r < rows.ranks(); ++r) {
    if (shape.box) {
      for (const TileId tile : rows.tiles_of(RankId{r})) boxes[r].push_back(shape.box(tile));
      continue;
    }
    const Box block = rows.block(RankId{r});
    for (std::int64_t lo = block.lo[2]; lo < block.hi[2]; lo += piece_rows)
      boxes[r].push_back({{0, 0, lo}, {1, 1, std::min(lo + piece_rows, block.hi[2])}});
  }
  return boxes;
}

void write_unfinished(Transport& transport, const std::string& path, const std::string& name,
                      const Vector<double>& vector, const VectorShape& shape,
                      const std::vector<NamedArray>& arrays, const nlohmann::json& given) {
  const nlohmann::json provenance = provenance_of_root(transport, given);
  const std::vector<std::vector<Box>> boxes = boxes_of(vector.rows().layout(), shape);
  std::vector<View<double>> views;  // of own boxes
  double* at = vector.block().data();
  for (const Box& box : boxes[transport.rank().index()]) {
    views.push_back({at, box.extent(1) * box.extent(2), box.extent(2), box});
    at += box.size();
  }
  Mover mover(transport, axes_of(static_cast<int>(shape.extents.size()), false), boxes);
  Handle file, dataset;
  share_outcome(transport, [&] {
    if (!mover.opens_file()) return;
    const bool is_root = transport.rank() == RankId{0};
    Writer w;
    file = w.keep(Handle(H5Fcreate(unfinished(path).c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, mover.file_access()),
                         H5Fclose));
    dataset = w.dataset(file, name.c_str(), FileShape(shape.extents.begin(), shape.extents.end()));
    for (const NamedArray& a : arrays) w.array(file, a, is_root);
    write_provenance(w, w.group(file, "tutti"), provenance, is_root);
    if (w.failed()) environment_error("could not create '{}' as an HDF5 file", path);
  });
  mover.write(
      mover.opens_file() ? static_cast<hid_t>(dataset) : -1, [&](std::size_t i) { return views[i]; },
      fmt::format("'{}' in '{}'", name, path));
  share_outcome(transport, [&] {
    dataset = {};
    if (!file.close()) environment_error("could not complete '{}'", path);
  });
}

}  // namespace

void write_vector(Transport& transport, const std::string& path, const std::string& name,
                  const Vector<double>& vector, const VectorShape& shape,
                  const std::vector<NamedArray>& arrays, const nlohmann::json& provenance) {
  try {
    write_unfinished(transport, path, name, vector, shape, arrays, provenance);
  } catch (const Error&) {
    if (transport.rank() == RankId{0}) std::remove(unfinished(path).c_str());
    throw;
  }
  on_root(transport, [&] { finish_file(path); });
}

}  // namespace tutti
