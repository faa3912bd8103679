// The null twin of hdf5_read.cpp, hdf5_write.cpp, hdf5_vector.cpp and hdf5_arrays.cpp: no files of fields and
// arrays.
#include "runtime/error.hpp"
#include "runtime/io/array_file.hpp"
#include "runtime/io/field_file.hpp"
#include "runtime/io/vector_file.hpp"

namespace tutti {

namespace {
[[noreturn]] void refuse(const std::string& file) {
  usage_error("cannot use '{}': this build has no HDF5 (configure with -DTUTTI_HDF5=ON)", file);
}
}  // namespace

std::string field_file_library() { return "none"; }
std::vector<std::int64_t> read_extents(Transport&, const std::string& spec) { refuse(spec); }
void read_field(Transport&, const std::string& spec, Field<double>&) { refuse(spec); }
void write_vtkhdf(Transport&, const std::string& path, const std::vector<NamedField>&, const ImageMetadata&) {
  refuse(path);
}
void write_vector(Transport&, const std::string& path, const std::string&, const Vector<double>&,
                  const VectorShape&, const std::vector<NamedArray>&, const nlohmann::json&) {
  refuse(path);
}
void write_arrays(Transport&, const std::string& path, const ArrayFile&, const nlohmann::json&) {
  refuse(path);
}
ArrayFile read_arrays(Transport&, const std::string& path) { refuse(path); }

}  // namespace tutti
