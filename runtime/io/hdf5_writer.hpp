// What is created in HDF5 files: groups, attributes, datasets, provenance. Internal to the HDF5 files.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "runtime/comm/transport.hpp"
#include "runtime/io/hdf5_handle.hpp"
#include "runtime/io/named_array.hpp"

namespace tutti::hdf5 {

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
  Handle dataset(hid_t at, const char* name, const FileShape& shape, hid_t type = H5T_IEEE_F64LE) {
    const Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), H5Sclose);
    const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER);  // every cell will be written
    H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
    const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(links, 1);
    return keep(Handle(H5Dcreate2(at, name, type, space, links, properties, H5P_DEFAULT), H5Dclose));
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
  /// Values that every rank with the file has; only the rank that has `writes` writes them. Throws
  /// Error(usage) where their number is not that of the shape.
  void array(hid_t at, const NamedArray& array, bool writes);
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

/// Rank 0's provenance, on every rank: all ranks must create the same things. Collective.
nlohmann::json provenance_of_root(Transport& transport, const nlohmann::json& provenance);

/// The text of all, and what one wants to see in a listing as attributes. For every rank that has the file
/// open; the one that is root writes.
void write_provenance(Writer& w, hid_t group, const nlohmann::json& provenance, bool is_root);

}  // namespace tutti::hdf5
