#include "runtime/io/hdf5_writer.hpp"

#include "runtime/error.hpp"

namespace tutti::hdf5 {

void Writer::array(hid_t at, const NamedArray& array, bool writes) {
  const FileShape shape(array.shape.begin(), array.shape.end());
  std::visit(
      [&]<class T>(const std::vector<T>& values) {
        if (const std::size_t n = elements(shape); values.size() != n)
          usage_error("array '{}' has {} values, but a shape of {}", array.name, values.size(), n);
        const Handle set = dataset(at, array.name.c_str(), shape, FileType<T>::stored());
        if (writes && !values.empty())
          failed_ |=
              H5Dwrite(set, FileType<T>::in_memory(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0;
      },
      array.values);
}

nlohmann::json provenance_of_root(Transport& transport, const nlohmann::json& provenance) {
  std::string text;
  if (transport.rank() == RankId{0} && !provenance.is_null())
    text = provenance.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  const Bytes bytes = transport.gather_all(Bytes(first, first + text.size()))[0];
  const auto* chars = reinterpret_cast<const char*>(bytes.data());
  return bytes.empty() ? nlohmann::json() : nlohmann::json::parse(chars, chars + bytes.size());
}

void write_provenance(Writer& w, hid_t group, const nlohmann::json& provenance, bool is_root) {
  if (provenance.is_null()) return;
  w.long_text(group, "provenance", provenance.dump(2, ' ', false, nlohmann::json::error_handler_t::replace),
              is_root);
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

}  // namespace tutti::hdf5
