#include "tests/ranks/field_file_scenarios.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <hdf5.h>

#include "runtime/error.hpp"
#include "runtime/io/array_file.hpp"
#include "runtime/io/field_file.hpp"
#include "runtime/io/outcome.hpp"

namespace tutti::scenarios {

namespace {

using Extents = std::vector<std::int64_t>;

Grid make_grid(const Transport& transport, const Extents& extents, const Extents& tile) {
  GridOptions options;
  options.tile = tile;
  return Grid({transport.rank(), transport.ranks(), 1, nullptr}, extents, options);
}

/// A value that tells the cell, in the coordinates of Index3.
double value_at(std::int64_t i, std::int64_t j, std::int64_t k) {
  return static_cast<double>(1 + i * 10000 + j * 100 + k);
}

template <class Visit>
void for_own_cells(const Field<double>& field, Visit visit) {
  const View<double> v = field.block();
  for (std::int64_t i = 0; i < v.extent(0); ++i)
    for (std::int64_t j = 0; j < v.extent(1); ++j)
      for (std::int64_t k = 0; k < v.extent(2); ++k)
        visit(v(i, j, k), value_at(v.box.lo[0] + i, v.box.lo[1] + j, v.box.lo[2] + k));
}

void expect_values(const Field<double>& field) {
  std::int64_t wrong = 0;
  for_own_cells(field, [&](double cell, double value) { wrong += cell != value; });
  EXPECT_EQ(wrong, 0);
}

enum class File { create, append };

template <class T>
void write_array(File how, const std::string& path, const char* name, const std::vector<hsize_t>& shape,
                 const std::vector<T>& values, hid_t stored, hid_t memory) {
  const hid_t file = how == File::append ? H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT)
                                         : H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
  const hid_t set = H5Dcreate2(file, name, stored, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  EXPECT_GE(H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  H5Dclose(set);
  H5Sclose(space);
  H5Fclose(file);
}

template <class T>
std::vector<T> numbered(const Extents& extents) {
  std::vector<T> values;
  for (std::int64_t i = 0; i < extents[0]; ++i)
    for (std::int64_t j = 0; j < extents[1]; ++j)
      for (std::int64_t k = 0; k < extents[2]; ++k) values.push_back(static_cast<T>(value_at(i, j, k)));
  return values;
}

void write_field(Transport& transport, const std::string& path, const Extents& extents, const Extents& tile) {
  const Field<double> u(make_grid(transport, extents, tile), "u");
  for_own_cells(u, [](double& cell, double value) { cell = value; });
  ImageMetadata metadata;
  metadata.step = 3;
  metadata.spacing = {0.5, 0.25, 0.125};
  // of many ranks, each with a different idea of its machine: rank 0's counts
  const std::string host = "node" + std::to_string(transport.rank().value);
  metadata.provenance = {
      {"app", "test"}, {"ranks", 12}, {"machine", {{"host", host}, {"long", std::string(100000, 'x')}}}};
  write_vtkhdf(transport, path, {{"u", &u}}, metadata);
}

std::string text_attribute(hid_t file, const char* name) {
  const hid_t attribute = H5Aopen_by_name(file, "tutti", name, H5P_DEFAULT, H5P_DEFAULT);
  if (attribute < 0) return "missing";
  const hid_t type = H5Aget_type(attribute);
  std::string text(H5Tget_size(type), '\0');
  EXPECT_GE(H5Aread(attribute, type, text.data()), 0);
  H5Tclose(type);
  H5Aclose(attribute);
  return text;
}

/// What write_field has put into the group /tutti.
void expect_provenance(hid_t file) {
  EXPECT_EQ(text_attribute(file, "app"), "test");
  EXPECT_EQ(text_attribute(file, "host"), "node0");
  std::int64_t ranks = 0;
  const hid_t attribute = H5Aopen_by_name(file, "tutti", "ranks", H5P_DEFAULT, H5P_DEFAULT);
  H5Aread(attribute, H5T_NATIVE_INT64, &ranks);
  H5Aclose(attribute);
  EXPECT_EQ(ranks, 12);
  const hid_t set = H5Dopen2(file, "/tutti/provenance", H5P_DEFAULT);
  const hid_t type = H5Dget_type(set);
  std::string text(H5Tget_size(type), '\0');
  EXPECT_GE(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()), 0);
  H5Tclose(type);
  H5Dclose(set);
  const auto provenance = nlohmann::json::parse(text);
  EXPECT_EQ(provenance["machine"]["host"], "node0");
  EXPECT_EQ(provenance["machine"]["long"].get<std::string>().size(), 100000U) << "attributes end at 64 KiB";
}

Bytes as_bytes(const std::string& text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return Bytes(first, first + text.size());
}

/// `action` throws an Error of this status, with this part, and in the same words on every rank.
void expect_refused(Transport& transport, Status status, const std::string& part,
                    const std::function<void()>& action) {
  std::string words = "accepted";
  try {
    action();
  } catch (const Error& error) {
    words = error.what();
    EXPECT_EQ(error.status(), status) << words;
  }
  EXPECT_NE(words.find(part), std::string::npos) << "'" << words << "' lacks '" << part << "'";
  for (const Bytes& theirs : transport.gather_all(as_bytes(words))) EXPECT_EQ(theirs, as_bytes(words));
}

}  // namespace

void image_round_trip(Transport& transport, const std::string& folder) {
  const std::string path = folder + "/image.vtkhdf";
  const std::pair<Extents, Extents> cases[] = {
      {{6, 7, 9}, {2, 3, 9}}, {{5, 1, 4}, {1, 1, 4}}, {{8, 5}, {3, 5}}, {{11}, {4}}, {{2, 2, 2}, {2, 2, 2}}};
  for (const auto& [extents, tile] : cases) {
    write_field(transport, path, extents, tile);
    EXPECT_EQ(read_extents(transport, path + ":/VTKHDF/PointData/u"), extents);
    Field<double> u(make_grid(transport, extents, {}), "u");
    const auto version = u.name()->store->version;
    read_field(transport, path + ":/VTKHDF/PointData/u", u);
    expect_values(u);
    EXPECT_NE(u.name()->store->version, version) << "graphs must learn of new values";
    EXPECT_FALSE(std::filesystem::exists(path + ".tmp"));
    transport.barrier();  // before the file is replaced
  }
}

void image_layout(Transport& transport, const std::string& folder) {
  const std::string path = folder + "/layout.vtkhdf";
  write_field(transport, path, {2, 3, 4}, {1, 3, 4});
  on_root(transport, [&] {
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    ASSERT_GE(file, 0);
    int extent[6] = {};
    const hid_t attribute = H5Aopen_by_name(file, "VTKHDF", "WholeExtent", H5P_DEFAULT, H5P_DEFAULT);
    ASSERT_GE(attribute, 0);
    H5Aread(attribute, H5T_NATIVE_INT, extent);
    H5Aclose(attribute);
    const int wanted[6] = {0, 1, 0, 2, 0, 3};
    for (int i = 0; i < 6; ++i) EXPECT_EQ(extent[i], wanted[i]);
    const hid_t set = H5Dopen2(file, "/VTKHDF/PointData/u", H5P_DEFAULT);
    const hid_t space = H5Dget_space(set);
    hsize_t shape[3] = {};
    EXPECT_EQ(H5Sget_simple_extent_ndims(space), 3);
    H5Sget_simple_extent_dims(space, shape, nullptr);
    EXPECT_EQ(shape[0], 4U);
    EXPECT_EQ(shape[2], 2U);
    double values[4][3][2] = {};
    H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    EXPECT_EQ(values[3][2][1], value_at(1, 2, 3));
    EXPECT_EQ(values[3][0][1], value_at(1, 0, 3));
    H5Sclose(space);
    H5Dclose(set);
    expect_provenance(file);
    H5Fclose(file);
  });
}

void ordinary_arrays(Transport& transport, const std::string& folder) {
  const std::string path = folder + "/ordinary.h5";
  const Extents extents{4, 6, 5};
  const std::vector<hsize_t> shape{4, 6, 5};
  on_root(transport, [&] {
    write_array(File::create, path, "f64", shape, numbered<double>(extents), H5T_IEEE_F64LE,
                H5T_NATIVE_DOUBLE);
    write_array(File::append, path, "f32", shape, numbered<float>(extents), H5T_IEEE_F32BE, H5T_NATIVE_FLOAT);
    write_array(File::append, path, "i32", shape, numbered<int>(extents), H5T_STD_I32LE, H5T_NATIVE_INT);
  });
  for (const char* name : {"/f64", "/f32", "/i32"}) {
    EXPECT_EQ(read_extents(transport, path + ":" + name), extents);
    Field<double> u(make_grid(transport, extents, {1, 2, 5}), "u");
    read_field(transport, path + ":" + name, u);
    expect_values(u);
  }
}

void named_arrays(Transport& transport, const std::string& folder) {
  const std::string path = folder + "/arrays.h5";
  const std::vector<NamedArray> arrays{{"group/matrix", {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6.5F}},
                                       named_list("list", {0.1, -2}),
                                       named_list("none", {})};
  const nlohmann::json provenance{{"app", "test"}, {"machine", {{"host", "\xff"}}}};
  write_arrays(transport, path, {arrays, {{"model", "of a test"}}}, provenance);
  const ArrayFile file = read_arrays(transport, path);
  EXPECT_EQ(file.description, (nlohmann::json{{"model", "of a test"}}));
  ASSERT_EQ(file.arrays.size(), arrays.size());
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    EXPECT_EQ(file.arrays[i].name, arrays[i].name);
    EXPECT_EQ(file.arrays[i].shape, arrays[i].shape);
    EXPECT_EQ(file.arrays[i].values, arrays[i].values);
  }
  on_root(transport, [&] {
    const hid_t f = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    EXPECT_GT(H5Lexists(f, "tutti/provenance", H5P_DEFAULT), 0);
    EXPECT_GT(H5Aexists_by_name(f, "tutti", "app", H5P_DEFAULT), 0);
    H5Fclose(f);
  });
  using enum Status;
  expect_refused(transport, usage, "array 'a' has 1 values, but a shape of 2", [&] {
    write_arrays(transport, path, {{{"a", {2}, std::vector<double>{1}}}, {}}, {});
  });
  on_root(transport, [&] { EXPECT_FALSE(std::filesystem::exists(unfinished(path))); });
  write_arrays(transport, path, {arrays, {}}, {});
  expect_refused(transport, usage, "has no description", [&] { read_arrays(transport, path); });
}

void file_refusals(Transport& transport, const std::string& folder) {
  const std::string path = folder + "/refused.h5";
  const std::string text = folder + "/text.h5";
  on_root(transport, [&] {
    const auto values = numbered<double>({4, 6, 5});
    write_array(File::create, path, "a", {4, 6, 5}, values, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE);
    write_array(File::append, path, "flat", {120}, values, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE);
    const hid_t letters = H5Tcopy(H5T_C_S1);
    write_array(File::append, path, "words", {2}, std::vector<char>{'a', 'b'}, letters, letters);
    H5Tclose(letters);
    std::ofstream(text) << "no HDF5";
  });
  Field<double> u(make_grid(transport, {4, 6, 5}, {2, 6, 5}), "u");
  Field<double> v(make_grid(transport, {4, 5, 6}, {2, 5, 6}), "v");
  const auto read = [&](const std::string& spec, Field<double>& into) {
    return [&transport, spec, &into] { read_field(transport, spec, into); };
  };
  using enum Status;
  expect_refused(transport, usage, "FILE:/DATASET", read("refused.h5", u));
  expect_refused(transport, environment, "No such file", read(folder + "/missing.h5:/a", u));
  expect_refused(transport, environment, "it is a directory", read(folder + ":/a", u));
  expect_refused(transport, environment, "not a valid HDF5 file", read(text + ":/a", u));
  expect_refused(transport, environment, "has no dataset '/b'; it has /a /flat", read(path + ":/b", u));
  expect_refused(transport, usage, "has shape (120); the grid needs (4, 6, 5)", read(path + ":/flat", u));
  expect_refused(transport, usage, "has shape (4, 6, 5); the grid needs (4, 5, 6)", read(path + ":/a", v));
  expect_refused(transport, usage, "holds strings", read(path + ":/words", u));
  expect_refused(transport, environment, "could not create", [&] {
    write_vtkhdf(transport, folder + "/missing/u.vtkhdf", {{"u", &u}}, {});
  });
  expect_refused(transport, environment, "No such file",
                 [&] { check_writable(transport, "--output", folder + "/missing/u.vtkhdf"); });
  expect_refused(transport, environment, "it is a directory",
                 [&] { check_writable(transport, "--output", folder); });
}

}  // namespace tutti::scenarios
