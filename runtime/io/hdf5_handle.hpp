// Identifiers of HDF5 that close themselves, and how we use the library.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <type_traits>
#include <utility>
#include <vector>

#include <hdf5.h>

namespace tutti::hdf5 {

/// Extents of a dataset.
using FileShape = std::vector<hsize_t>;

inline std::size_t elements(const FileShape& shape) {
  std::size_t n = 1;
  for (const hsize_t extent : shape) n *= extent;
  return n;
}

/// HDF5's words for float and double.
template <class T>
struct FileType {
  static constexpr bool is_float = std::is_same_v<T, float>;
  static_assert(is_float || std::is_same_v<T, double>);
  static hid_t in_memory() { return is_float ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE; }
  static hid_t stored() { return is_float ? H5T_IEEE_F32LE : H5T_IEEE_F64LE; }
};

/// Our messages say what HDF5's error stack would, in one line. File locks fail on many parallel file systems
/// and protect nothing here: files are written under another name first.
inline void prepare() {
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

}  // namespace tutti::hdf5
