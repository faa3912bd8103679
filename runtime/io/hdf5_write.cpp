// Writing fields as VTKHDF images.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "runtime/error.hpp"
#include "runtime/io/field_file.hpp"
#include "runtime/io/hdf5_sharing.hpp"
#include "runtime/io/hdf5_transfer.hpp"
#include "runtime/io/outcome.hpp"

namespace tutti {

using namespace hdf5;

namespace {

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
    const Handle type = text_type(value);
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const Handle a = keep(Handle(H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose));
    failed_ |= H5Awrite(a, type, value.c_str()) < 0;
  }
  Handle dataset(hid_t at, const char* name, const FileShape& shape) {
    const Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), H5Sclose);
    const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER);  // every cell will be written
    H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
    return keep(
        Handle(H5Dcreate2(at, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, properties, H5P_DEFAULT), H5Dclose));
  }
  /// A text of any length; only the rank that has `writes` writes it. Attributes end at 64 KiB.
  void long_text(hid_t at, const char* name, const std::string& value, bool writes) {
    const Handle type = text_type(value);
    H5Tset_cset(type, H5T_CSET_UTF8);
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const Handle set =
        keep(Handle(H5Dcreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose));
    if (writes) failed_ |= H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value.c_str()) < 0;
  }
  Handle keep(Handle handle) {
    failed_ |= !handle.valid();
    return handle;
  }
  bool failed() const { return failed_; }

 private:
  static Handle text_type(const std::string& value) {
    Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type, std::max<std::size_t>(1, value.size()));
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    return type;
  }
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

/// Rank 0's provenance, on every rank: all ranks must create the same things. Collective.
nlohmann::json provenance_of_root(Transport& transport, const nlohmann::json& provenance) {
  std::string text;
  if (transport.rank() == RankId{0} && !provenance.is_null())
    text = provenance.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  const Bytes bytes = transport.gather_all(Bytes(first, first + text.size()))[0];
  const auto* chars = reinterpret_cast<const char*>(bytes.data());
  return bytes.empty() ? nlohmann::json() : nlohmann::json::parse(chars, chars + bytes.size());
}

/// The text of all, and what one wants to see in a listing as attributes.
void write_provenance(Writer& w, hid_t group, const nlohmann::json& provenance, bool is_root) {
  if (provenance.is_null()) return;
  w.long_text(group, "provenance", provenance.dump(2), is_root);
  for (const char* path :
       {"/app", "/version", "/git_commit", "/config/problem", "/ranks", "/threads_per_rank", "/schedule",
        "/device", "/machine/command", "/machine/started", "/machine/host", "/machine/cpu_model",
        "/machine/build/compiler", "/machine/build/flags", "/machine/environment/SLURM_JOB_ID"}) {
    const nlohmann::json::json_pointer at(path);
    if (!provenance.contains(at)) continue;
    const nlohmann::json& value = provenance.at(at);
    if (value.is_string()) w.text(group, at.back().c_str(), value.get<std::string>());
    if (value.is_number_integer())
      w.integers(group, at.back().c_str(), {value.get<std::int64_t>()}, H5T_STD_I64LE);
  }
}

struct ImageFile {
  Handle file;
  std::vector<Handle> datasets;
};

/// The file with all but the values of its fields.
ImageFile create_image(const std::string& path, hid_t access, const FileShape& shape,
                       const std::vector<NamedField>& fields, const ImageMetadata& metadata,
                       const nlohmann::json& provenance, bool is_root) {
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
  write_provenance(w, about, provenance, is_root);
  if (w.failed()) environment_error("could not create '{}' as an HDF5 file", path);
  return image;
}

void write_unfinished(Transport& transport, const std::string& path, const std::vector<NamedField>& fields,
                      const ImageMetadata& metadata) {
  const GridLayout& layout = fields.front().field->grid().layout();
  const nlohmann::json provenance = provenance_of_root(transport, metadata.provenance);
  Mover mover(transport, layout, true);
  ImageFile image;
  share_outcome(transport, [&] {
    if (mover.opens_file())
      image = create_image(unfinished(path), mover.file_access(), shape_of(mover.axes(), layout.extents()),
                           fields, metadata, provenance, transport.rank() == RankId{0});
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
