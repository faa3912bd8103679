// Named arrays of numbers in HDF5 files: what a program keeps beside its fields, such as weights and
// histories. In a build without HDF5 both functions throw Error(usage).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "runtime/comm/transport.hpp"

namespace tutti {

/// Row-major; the extents' product is the number of values.
struct NamedArray {
  std::string name;  ///< "group/name": groups are made as needed
  std::vector<std::int64_t> shape;
  std::variant<std::vector<float>, std::vector<double>> values;
};

struct ArrayFile {
  std::vector<NamedArray> arrays;
  nlohmann::json description;  ///< an object, kept as the text of the file's attribute "description"
};

/// Rank 0 writes what it is given; others' is ignored. The file appears under its name when it is complete;
/// what had the name before is replaced. Throws Error(environment) on all ranks. Collective.
void write_arrays(Transport& transport, const std::string& path, const ArrayFile& file);

/// All arrays of such a file, on all ranks, those of a group in alphabetical order. Throws Error(environment)
/// for a file that cannot be read, Error(usage) for one that is not HDF5, or has no description or other
/// numbers than float32 and float64. Collective.
ArrayFile read_arrays(Transport& transport, const std::string& path);

}  // namespace tutti
