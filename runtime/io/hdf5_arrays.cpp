// Named arrays in HDF5 files. Rank 0 alone opens the file.
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "runtime/error.hpp"
#include "runtime/io/array_file.hpp"
#include "runtime/io/hdf5_writer.hpp"
#include "runtime/io/outcome.hpp"

namespace tutti {

using namespace hdf5;

namespace {

constexpr const char* description_name = "description";

void write_file(const std::string& path, const ArrayFile& content, const nlohmann::json& provenance) {
  Writer w;
  Handle file(H5Fcreate(unfinished(path).c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
  if (!file.valid()) environment_error("cannot create '{}': the folder is missing or not writable", path);
  if (!content.description.is_null()) w.text(file, description_name, content.description.dump(-1, ' ', true));
  for (const NamedArray& a : content.arrays) w.array(file, a, true);
  write_provenance(w, w.group(file, "tutti"), provenance, true);
  if (!file.close() || w.failed())
    environment_error("cannot write '{}' to its end: the disk is full or failing", path);
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
  if (std::string_view(name).starts_with("tutti/")) return {};  // provenance
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
    values.resize(elements(shape));
    const bool read = values.empty() || H5Dread(set, FileType<T>::in_memory(), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                                                values.data()) >= 0;
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
    std::size_t n = 1;
    for (const std::int64_t extent : a.shape) n *= static_cast<std::size_t>(extent);
    if (head[1] == 0)
      a.values = from.take<float>(n);
    else
      a.values = from.take<double>(n);
  }
  return file;
}

}  // namespace

void write_arrays(Transport& transport, const std::string& path, const ArrayFile& content,
                  const nlohmann::json& provenance) {
  on_root(transport, [&] {
    prepare();
    try {
      write_file(path, content, provenance);
    } catch (const Error&) {
      std::remove(unfinished(path).c_str());
      throw;
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
