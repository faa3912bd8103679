#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

#include <fmt/format.h>
#include <hdf5.h>

#include "runtime/error.hpp"
#include "runtime/io/field_file.hpp"
#include "runtime/io/hdf5_sharing.hpp"
#include "runtime/io/outcome.hpp"
#include "runtime/text.hpp"

namespace tutti {

namespace {

/// Cells go between field and file through a buffer of about this size, so that files cost little memory.
constexpr std::int64_t buffer_bytes = 32 << 20;

using Shape3 = std::vector<hsize_t>;

/// Our messages say what HDF5's error stack would, in one line. File locks fail on many parallel file systems
/// and protect nothing here: files are written under another name first.
void prepare() {
  setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

/// An identifier of HDF5, closed when it goes.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle() = default;
  Handle(hid_t id, Close close) : id_(id), close_(close) {}
  Handle(Handle&& o) noexcept : id_(std::exchange(o.id_, -1)), close_(o.close_) {}
  Handle& operator=(Handle&& o) noexcept {
    std::swap(id_, o.id_);
    std::swap(close_, o.close_);
    return *this;
  }
  ~Handle() { close(); }
  operator hid_t() const { return id_; }
  bool valid() const { return id_ >= 0; }
  /// False if closing failed, which for a file means that data was lost.
  bool close() { return id_ < 0 || close_(std::exchange(id_, -1)) >= 0; }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

struct Location {
  std::string file;
  std::string dataset;
};

Location split(const std::string& spec) {
  const auto colon = spec.rfind(":/");
  if (colon == std::string::npos || colon == 0 || colon + 2 == spec.size())
    usage_error("'{}' does not name a dataset; write FILE:/DATASET", spec);
  return {spec.substr(0, colon), spec.substr(colon + 1)};
}

/// How a dataset's axes lie to those of a grid: for each axis of the file the dimension in Index3, or -1 for
/// an axis of extent 1 that the grid does not have.
struct Axes {
  int count = 0;
  std::array<int, 3> dimension{-1, -1, -1};
};

Axes axes_of(int dimensions, bool image) {
  Axes axes{image ? 3 : dimensions, {-1, -1, -1}};
  for (int axis = 0; axis < axes.count; ++axis) {
    const int listed = image ? 2 - axis : axis;  // position in --grid
    if (listed < dimensions) axes.dimension[axis] = 3 - dimensions + listed;
  }
  return axes;
}

Shape3 shape_of(const Axes& axes, const Index3& extents) {
  Shape3 shape;
  for (int axis = 0; axis < axes.count; ++axis)
    shape.push_back(axes.dimension[axis] < 0 ? 1 : static_cast<hsize_t>(extents[axes.dimension[axis]]));
  return shape;
}

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

enum class Direction { from_file, to_file };

/// Moves the cells of `box` between an open dataset and a buffer. An empty box takes part with no cells.
bool transfer(hid_t dataset, hid_t properties, const Axes& axes, const Box& box, double* buffer,
              Direction direction) {
  const Handle file_space(H5Dget_space(dataset), H5Sclose);
  Shape3 start(axes.count, 0), count(axes.count, 1);
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

/// One rank's part in reading or writing fields of one layout with one file, slab by slab. Ranks that do not
/// open the file call nothing of HDF5, which need not be safe for threads: simulated ranks are threads.
class Mover {
 public:
  Mover(Transport& transport, const GridLayout& layout, bool image)
      : transport_(transport),
        axes_(axes_of(layout.dimensions(), image)),
        together_(opens_together(transport)) {
    if (opens_file()) {
      prepare();
      file_access_ = Handle(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
      properties_ = Handle(H5Pcreate(H5P_DATASET_XFER), H5Pclose);
    }
    if (together_) share_by_mpi(file_access_, properties_);
    std::size_t cells = 1;
    for (std::uint32_t rank = 0; rank < transport.ranks(); ++rank) {
      slabs_.push_back(slabs_of(layout.block(RankId{rank}), layout, axes_));
      steps_ = std::max(steps_, slabs_.back().size());
      if (!slabs_.back().empty())
        cells = std::max(cells, static_cast<std::size_t>(slabs_.back().front().size()));
    }
    buffer_.resize(cells);
  }

  const Axes& axes() const { return axes_; }
  hid_t file_access() const { return file_access_; }
  bool opens_file() const { return together_ || transport_.rank() == RankId{0}; }

  /// `dataset` is read on the ranks that open the file. Collective.
  void read(hid_t dataset, const View<double>& cells, const std::string& what) {
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
      if (!together_) receive(transport_.exchange(outgoing));
      for_each_cell(cells, mine, axes_, buffer_.data(), [](double& cell, double& value) { cell = value; });
    }
  }

  /// The reverse.
  void write(hid_t dataset, const View<double>& cells, const std::string& what) {
    for (std::size_t step = 0; step < steps_; ++step) {
      const Box mine = slab(transport_.rank(), step);
      for_each_cell(cells, mine, axes_, buffer_.data(), [](double& cell, double& value) { value = cell; });
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

 private:
  Box slab(RankId rank, std::size_t step) const {
    const auto& slabs = slabs_[rank.index()];
    return step < slabs.size() ? slabs[step] : Box{};
  }
  bool move(hid_t dataset, const Box& box, Direction direction) {
    if (box.empty() && !together_) return true;
    return transfer(dataset, properties_, axes_, box, buffer_.data(), direction);
  }
  static void check(bool done, const char* verb, const std::string& what) {
    if (!done) environment_error("could not {} the values of {}", verb, what);
  }
  Bytes bytes_of(const Box& box) const {
    const auto* first = reinterpret_cast<const std::byte*>(buffer_.data());
    return Bytes(first, first + box.size() * 8);
  }
  void receive(const std::map<RankId, Bytes>& incoming) {
    for (const auto& [rank, bytes] : incoming) std::memcpy(buffer_.data(), bytes.data(), bytes.size());
  }

  Transport& transport_;
  Axes axes_;
  bool together_;
  Handle file_access_;
  Handle properties_;
  std::vector<std::vector<Box>> slabs_;  // by rank
  std::size_t steps_ = 0;                // most slabs of any rank
  std::vector<double> buffer_;
};

// Reading

/// What rank 0 found in the file.
struct Found {
  Shape3 shape;
  bool image = false;
};

std::string text_of(const Shape3& shape) { return fmt::format("({})", joined(shape, ", ")); }

std::string name_of(const Location& at) { return fmt::format("'{}' in '{}'", at.dataset, at.file); }

/// Whether the string attribute `name` of `object` has this value.
bool attribute_is(hid_t object, const char* name, std::string_view value) {
  const Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose);
  if (!attribute.valid()) return false;
  const Handle type(H5Aget_type(attribute), H5Tclose);
  if (H5Tget_class(type) != H5T_STRING) return false;
  if (H5Tis_variable_str(type) > 0) {
    char* text = nullptr;
    if (H5Aread(attribute, type, &text) < 0 || text == nullptr) return false;
    const bool same = value == text;
    H5free_memory(text);
    return same;
  }
  std::string text(H5Tget_size(type), '\0');
  if (H5Aread(attribute, type, text.data()) < 0) return false;
  text.resize(std::strlen(text.c_str()));
  return value == text;
}

/// Whether a dataset lies in PointData or CellData of a VTKHDF image.
bool is_image_data(hid_t file, hid_t dataset) {
  std::string name(static_cast<std::size_t>(std::max<ssize_t>(0, H5Iget_name(dataset, nullptr, 0))) + 1,
                   '\0');
  H5Iget_name(dataset, name.data(), name.size());
  const std::filesystem::path group = std::filesystem::path(name.c_str()).parent_path();
  if (group.filename() != "PointData" && group.filename() != "CellData") return false;
  const Handle image(H5Oopen(file, group.parent_path().c_str(), H5P_DEFAULT), H5Oclose);
  return image.valid() && attribute_is(image, "Type", "ImageData");
}

herr_t collect_dataset(hid_t group, const char* name, const H5L_info_t*, void* into) {
  auto& names = *static_cast<std::vector<std::string>*>(into);
  const Handle object(H5Oopen(group, name, H5P_DEFAULT), H5Oclose);
  if (object.valid() && H5Iget_type(object) == H5I_DATASET) names.push_back(fmt::format("/{}", name));
  return names.size() < 8 ? 0 : 1;
}

Handle open_to_read(const Location& at, hid_t access) {
  std::error_code ignored;
  if (std::filesystem::is_directory(at.file, ignored))
    environment_error("cannot read '{}': it is a directory", at.file);
  if (!std::ifstream(at.file, std::ios::binary))
    environment_error("cannot read '{}': {}", at.file, std::strerror(errno));
  Handle file(H5Fopen(at.file.c_str(), H5F_ACC_RDONLY, access), H5Fclose);
  if (!file.valid()) environment_error("cannot read '{}': it is not a valid HDF5 file", at.file);
  return file;
}

Handle open_dataset(hid_t file, const Location& at) {
  Handle dataset(H5Dopen2(file, at.dataset.c_str(), H5P_DEFAULT), H5Dclose);
  if (dataset.valid()) return dataset;
  std::vector<std::string> names;
  H5Lvisit(file, H5_INDEX_NAME, H5_ITER_NATIVE, collect_dataset, &names);
  environment_error("'{}' has no dataset '{}'; it has {}", at.file, at.dataset,
                    names.empty() ? "none" : joined(names, " "));
}

void check_type(hid_t dataset, const Location& at) {
  const Handle type(H5Dget_type(dataset), H5Tclose);
  const H5T_class_t kind = H5Tget_class(type);
  if (kind == H5T_FLOAT || kind == H5T_INTEGER) return;
  const char* name = kind == H5T_STRING     ? "strings"
                     : kind == H5T_COMPOUND ? "compound values"
                     : kind == H5T_ENUM     ? "enumerated values"
                                            : "values that are no numbers";
  usage_error("dataset {} holds {}; wanted are numbers, as float64", name_of(at), name);
}

Found inspect(const Location& at) {
  const Handle file = open_to_read(at, H5P_DEFAULT);
  const Handle dataset = open_dataset(file, at);
  check_type(dataset, at);
  const Handle space(H5Dget_space(dataset), H5Sclose);
  Found found;
  found.shape.resize(static_cast<std::size_t>(std::max(0, H5Sget_simple_extent_ndims(space))));
  H5Sget_simple_extent_dims(space, found.shape.data(), nullptr);
  found.image = is_image_data(file, dataset);
  return found;
}

/// What rank 0 finds, on every rank.
Found inspect_together(Transport& transport, const Location& at) {
  Shape3 words;
  on_root(transport, [&] {
    prepare();
    const Found found = inspect(at);
    words = found.shape;
    words.push_back(found.image ? 1 : 0);
  });
  const auto* first = reinterpret_cast<const std::byte*>(words.data());
  const Bytes bytes = transport.gather_all(Bytes(first, first + words.size() * sizeof(hsize_t)))[0];
  words.resize(bytes.size() / sizeof(hsize_t));
  std::memcpy(words.data(), bytes.data(), bytes.size());
  Found found;
  found.image = words.back() != 0;
  words.pop_back();
  found.shape = words;
  return found;
}

// Writing

/// Creates groups, attributes and datasets, and remembers if any of it failed.
class Writer {
 public:
  Handle group(hid_t at, const char* name) {
    return keep(Handle(H5Gcreate2(at, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose));
  }
  void integers(hid_t at, const char* name, const std::vector<std::int64_t>& values, hid_t type) {
    attribute(at, name, type, H5T_NATIVE_INT64, values.data(), values.size());
  }
  void numbers(hid_t at, const char* name, const std::vector<double>& values) {
    attribute(at, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, values.data(), values.size());
  }
  /// Fixed length and ASCII, the only kind of string that all VTK readers take.
  void text(hid_t at, const char* name, const std::string& value) {
    const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type, std::max<std::size_t>(1, value.size()));
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const Handle a = keep(Handle(H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose));
    failed_ |= H5Awrite(a, type, value.c_str()) < 0;
  }
  Handle dataset(hid_t at, const char* name, const Shape3& shape) {
    const Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), H5Sclose);
    const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER);  // every cell will be written
    H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
    return keep(
        Handle(H5Dcreate2(at, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, properties, H5P_DEFAULT), H5Dclose));
  }
  Handle keep(Handle handle) {
    failed_ |= !handle.valid();
    return handle;
  }
  bool failed() const { return failed_; }

 private:
  void attribute(hid_t at, const char* name, hid_t file_type, hid_t memory_type, const void* values,
                 hsize_t count) {
    const Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose);
    const Handle a = keep(Handle(H5Acreate2(at, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose));
    failed_ |= H5Awrite(a, memory_type, values) < 0;
  }
  bool failed_ = false;
};

/// A value per axis of VTK, x first; `other` where nothing is given.
std::vector<double> per_axis(std::vector<double> given, double other) {
  given.resize(3, other);
  return given;
}

struct ImageFile {
  Handle file;
  std::vector<Handle> datasets;
};

/// The file with all but the values of its fields.
ImageFile create_image(const std::string& path, hid_t access, const Shape3& shape,
                       const std::vector<NamedField>& fields, const ImageMetadata& metadata) {
  ImageFile image;
  Writer w;
  image.file = w.keep(Handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), H5Fclose));
  const auto last = [&](int axis) { return static_cast<std::int64_t>(shape[axis]) - 1; };
  const Handle root = w.group(image.file, "VTKHDF");
  w.integers(root, "Version", {2, 0}, H5T_STD_I32LE);
  w.text(root, "Type", "ImageData");
  w.integers(root, "WholeExtent", {0, last(2), 0, last(1), 0, last(0)}, H5T_STD_I32LE);
  w.numbers(root, "Origin", per_axis(metadata.origin, 0));
  w.numbers(root, "Spacing", per_axis(metadata.spacing, 1));
  w.numbers(root, "Direction", {1, 0, 0, 0, 1, 0, 0, 0, 1});
  const Handle points = w.group(root, "PointData");
  for (const NamedField& f : fields) image.datasets.push_back(w.dataset(points, f.name.c_str(), shape));

  const Handle about = w.group(image.file, "tutti");
  w.integers(about, "step", {metadata.step}, H5T_STD_I64LE);
  w.numbers(about, "time", {metadata.time});
  for (const auto& [key, value] : metadata.provenance) w.text(about, key.c_str(), value);
  if (w.failed()) environment_error("could not create '{}' as an HDF5 file", path);
  return image;
}

void write_unfinished(Transport& transport, const std::string& path, const std::vector<NamedField>& fields,
                      const ImageMetadata& metadata) {
  const GridLayout& layout = fields.front().field->grid().layout();
  Mover mover(transport, layout, true);
  ImageFile image;
  share_outcome(transport, [&] {
    if (mover.opens_file())
      image = create_image(unfinished(path), mover.file_access(), shape_of(mover.axes(), layout.extents()),
                           fields, metadata);
  });
  for (std::size_t i = 0; i < fields.size(); ++i)
    mover.write(mover.opens_file() ? static_cast<hid_t>(image.datasets[i]) : -1, fields[i].field->block(),
                fmt::format("'{}' in '{}'", fields[i].name, path));
  share_outcome(transport, [&] {
    image.datasets.clear();
    if (!image.file.close()) environment_error("could not complete '{}'", path);
  });
}

}  // namespace

std::string field_file_library() {
  return fmt::format("HDF5 {}.{}.{}, {}", H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE,
                     sharing_description());
}

std::vector<std::int64_t> read_extents(Transport& transport, const std::string& spec) {
  const Location at = split(spec);
  const Found found = inspect_together(transport, at);
  const auto& shape = found.shape;
  const bool fits = found.image ? shape.size() == 3 : !shape.empty() && shape.size() <= 3;
  if (!fits || std::find(shape.begin(), shape.end(), hsize_t{0}) != shape.end())
    usage_error("dataset {} has shape {}; wanted are {} extents of at least 1", name_of(at), text_of(shape),
                found.image ? "3" : "1 to 3");
  std::vector<std::int64_t> extents(shape.begin(), shape.end());
  if (!found.image) return extents;
  std::reverse(extents.begin(), extents.end());
  while (extents.size() > 1 && extents.back() == 1) extents.pop_back();
  return extents;
}

void read_field(Transport& transport, const std::string& spec, Field<double>& field) {
  const Location at = split(spec);
  const Found found = inspect_together(transport, at);
  const GridLayout& layout = field.grid().layout();
  Mover mover(transport, layout, found.image);
  if (const Shape3 wanted = shape_of(mover.axes(), layout.extents()); found.shape != wanted)
    usage_error("dataset {} has shape {}; the grid needs {}", name_of(at), text_of(found.shape),
                text_of(wanted));
  Handle file, dataset;
  share_outcome(transport, [&] {
    if (!mover.opens_file()) return;
    file = open_to_read(at, mover.file_access());
    dataset = open_dataset(file, at);
  });
  mover.read(dataset, field.block(), "dataset " + name_of(at));
  field.touch();
}

void write_vtkhdf(Transport& transport, const std::string& path, const std::vector<NamedField>& fields,
                  const ImageMetadata& metadata) {
  if (fields.empty()) usage_error("no field to write to '{}'", path);
  for (const NamedField& f : fields)
    if (f.field->grid().layout().extents() != fields.front().field->grid().layout().extents())
      usage_error("cannot write '{}' and '{}' to one image: they have different grids", fields.front().name,
                  f.name);
  try {
    write_unfinished(transport, path, fields, metadata);
  } catch (const Error&) {
    if (transport.rank() == RankId{0}) std::remove(unfinished(path).c_str());
    throw;
  }
  on_root(transport, [&] { finish_file(path); });
}

}  // namespace tutti
