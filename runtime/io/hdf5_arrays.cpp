// Named arrays in HDF5 files. Rank 0 alone opens the file.
#include <cstring>
#include <filesystem>

#include "runtime/error.hpp"
#include "runtime/io/array_file.hpp"
#include "runtime/io/hdf5_handle.hpp"
#include "runtime/io/outcome.hpp"

namespace tutti {

using namespace hdf5;

namespace {

constexpr const char* description_name = "description";

template <class T>
hid_t memory_type() {
  return std::is_same_v<T, float> ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
}

std::size_t elements(const std::vector<std::int64_t>& shape) {
  std::size_t n = 1;
  for (const std::int64_t extent : shape) n *= static_cast<std::size_t>(extent);
  return n;
}

bool write_array(hid_t file, hid_t links, const NamedArray& array) {
  const FileShape shape(array.shape.begin(), array.shape.end());
  const Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), H5Sclose);
  return std::visit(
      [&](const auto& values) {
        using T = typename std::decay_t<decltype(values)>::value_type;
        if (values.size() != elements(array.shape))
          usage_error("array '{}' has {} values, but a shape of {}", array.name, values.size(),
                      elements(array.shape));
        const hid_t stored = std::is_same_v<T, float> ? H5T_IEEE_F32LE : H5T_IEEE_F64LE;
        Handle set(H5Dcreate2(file, array.name.c_str(), stored, space, links, H5P_DEFAULT, H5P_DEFAULT),
                   H5Dclose);
        if (!set.valid()) return false;
        const bool written = values.empty() || H5Dwrite(set, memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                                                        values.data()) >= 0;
        return set.close() && written;
      },
      array.values);
}

bool write_description(hid_t file, const std::string& text) {
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type, text.size() + 1);
  H5Tset_cset(type, H5T_CSET_UTF8);
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle attribute(H5Acreate2(file, description_name, type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  return attribute.valid() && H5Awrite(attribute, type, text.c_str()) >= 0;
}

nlohmann::json read_description(hid_t file, const std::string& path) {
  const Handle attribute(H5Aopen(file, description_name, H5P_DEFAULT), H5Aclose);
  const Handle type(attribute.valid() ? H5Aget_type(attribute) : -1, H5Tclose);
  if (!type.valid() || H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) > 0)
    usage_error("'{}' has no description: it was not written by a program of this suite", path);
  std::string text(H5Tget_size(type), '\0');
  if (H5Aread(attribute, type, text.data()) < 0)
    environment_error("cannot read the description of '{}'", path);
  nlohmann::json description = nlohmann::json::parse(text.c_str(), nullptr, false);
  if (!description.is_object()) usage_error("'{}': its description is no JSON object", path);
  return description;
}

/// What H5Lvisit walks through.
struct Visit {
  hid_t file;
  const std::string& path;
  std::vector<NamedArray>& arrays;
  std::string refused;  // why reading ended
};

std::string read_array(Visit& v, const char* name) {
  const Handle set(H5Dopen2(v.file, name, H5P_DEFAULT), H5Dclose);
  if (!set.valid()) return {};  // a group
  const Handle type(H5Dget_type(set), H5Tclose), space(H5Dget_space(set), H5Sclose);
  if (H5Tget_class(type) != H5T_FLOAT || (H5Tget_size(type) != 4 && H5Tget_size(type) != 8))
    return fmt::format("'{}' in '{}' is neither float32 nor float64", name, v.path);
  FileShape shape(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space)));
  H5Sget_simple_extent_dims(space, shape.data(), nullptr);
  NamedArray& array = v.arrays.emplace_back();
  array.name = name;
  array.shape.assign(shape.begin(), shape.end());
  const auto fill = [&](auto values) {
    using T = typename decltype(values)::value_type;
    values.resize(elements(array.shape));
    const bool read =
        values.empty() || H5Dread(set, memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0;
    array.values = std::move(values);
    return read ? std::string() : fmt::format("cannot read '{}' in '{}': the file is damaged", name, v.path);
  };
  return H5Tget_size(type) == 4 ? fill(std::vector<float>()) : fill(std::vector<double>());
}

herr_t visit(hid_t, const char* name, const H5L_info_t*, void* data) {
  Visit& v = *static_cast<Visit*>(data);
  v.refused = read_array(v, name);
  return v.refused.empty() ? 0 : 1;
}

ArrayFile read_on_this_rank(const std::string& path) {
  if (!std::filesystem::is_regular_file(path))
    environment_error("cannot open '{}': there is no such file", path);
  if (H5Fis_hdf5(path.c_str()) <= 0) usage_error("'{}' is not an HDF5 file, or one that was cut off", path);
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file.valid()) environment_error("cannot open '{}': the file is damaged or may not be read", path);
  ArrayFile out;
  out.description = read_description(file, path);
  Visit v{file, path, out.arrays, {}};
  if (H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, visit, &v) != 0)
    usage_error("{}",
                v.refused.empty() ? fmt::format("cannot list '{}': the file is damaged", path) : v.refused);
  return out;
}

// -- a file as bytes, for the other ranks

template <class T>
void put(Bytes& to, const T* from, std::size_t n) {
  const auto* bytes = reinterpret_cast<const std::byte*>(from);
  to.insert(to.end(), bytes, bytes + n * sizeof(T));
}
void put_text(Bytes& to, const std::string& text) {
  const std::uint64_t n = text.size();
  put(to, &n, 1);
  put(to, text.data(), text.size());
}

Bytes packed(const ArrayFile& file) {
  Bytes out;
  put_text(out, file.description.dump());
  for (const NamedArray& a : file.arrays) {
    put_text(out, a.name);
    const std::uint64_t head[] = {a.shape.size(), a.values.index()};
    put(out, head, 2);
    put(out, a.shape.data(), a.shape.size());
    std::visit([&](const auto& values) { put(out, values.data(), values.size()); }, a.values);
  }
  return out;
}

class Unpacker {
 public:
  explicit Unpacker(const Bytes& bytes) : bytes_(bytes) {}
  bool at_end() const { return at_ == bytes_.size(); }
  template <class T>
  std::vector<T> take(std::size_t n) {
    std::vector<T> out(n);
    if (n > 0) std::memcpy(out.data(), bytes_.data() + at_, n * sizeof(T));
    at_ += n * sizeof(T);
    return out;
  }
  std::string text() {
    const std::vector<char> chars = take<char>(take<std::uint64_t>(1)[0]);
    return {chars.begin(), chars.end()};
  }

 private:
  const Bytes& bytes_;
  std::size_t at_ = 0;
};

ArrayFile unpacked(const Bytes& bytes) {
  Unpacker from(bytes);
  ArrayFile file;
  file.description = nlohmann::json::parse(from.text());
  while (!from.at_end()) {
    NamedArray& a = file.arrays.emplace_back();
    a.name = from.text();
    const auto head = from.take<std::uint64_t>(2);
    a.shape = from.take<std::int64_t>(head[0]);
    if (head[1] == 0)
      a.values = from.take<float>(elements(a.shape));
    else
      a.values = from.take<double>(elements(a.shape));
  }
  return file;
}

}  // namespace

void write_arrays(Transport& transport, const std::string& path, const ArrayFile& content) {
  on_root(transport, [&] {
    prepare();
    const std::string name = unfinished(path);
    Handle file(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
    if (!file.valid()) environment_error("cannot create '{}': the folder is missing or not writable", path);
    const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(links, 1);
    bool written = write_description(file, content.description.dump());
    for (const NamedArray& array : content.arrays) written = written && write_array(file, links, array);
    if (!file.close() || !written) {
      std::error_code ignored;
      std::filesystem::remove(name, ignored);
      environment_error("cannot write '{}' to its end: the disk is full or failing", path);
    }
    finish_file(path);
  });
}

ArrayFile read_arrays(Transport& transport, const std::string& path) {
  ArrayFile file;
  on_root(transport, [&] {
    prepare();
    file = read_on_this_rank(path);
  });
  std::map<RankId, Bytes> outgoing;
  if (transport.rank().value == 0)
    for (std::uint32_t r = 1; r < transport.ranks(); ++r) outgoing[RankId{r}] = packed(file);
  const auto arrived = transport.exchange(outgoing);
  return transport.rank().value == 0 ? file : unpacked(arrived.at(RankId{0}));
}

}  // namespace tutti
