// Reading fields from HDF5 files.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "runtime/error.hpp"
#include "runtime/io/field_file.hpp"
#include "runtime/io/hdf5_transfer.hpp"
#include "runtime/io/outcome.hpp"
#include "runtime/text.hpp"

namespace tutti {

using namespace hdf5;

namespace {

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

/// What rank 0 found in the file.
struct Found {
  FileShape shape;
  bool image = false;
};

std::string text_of(const FileShape& shape) { return fmt::format("({})", joined(shape, ", ")); }

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
  FileShape words;
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

}  // namespace

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
  if (const FileShape wanted = shape_of(mover.axes(), layout.extents()); found.shape != wanted)
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

}  // namespace tutti
