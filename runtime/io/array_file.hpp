// Named arrays of numbers in HDF5 files: what a program keeps beside its fields, such as weights and
// histories. In a build without HDF5 both functions throw Error(usage).
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "runtime/comm/transport.hpp"
#include "runtime/io/named_array.hpp"

namespace tutti {

struct ArrayFile {
  std::vector<NamedArray> arrays;
  nlohmann::json description;  ///< an object that readers need, kept as the attribute "description"
};

/// Rank 0 writes what it is given, and the provenance as write_vtkhdf does; others' is ignored. The file
/// appears under its name when it is complete; what had the name before is replaced. Throws
/// Error(environment) on all ranks. Collective.
void write_arrays(Transport& transport, const std::string& path, const ArrayFile& file,
                  const nlohmann::json& provenance);

/// All arrays of such a file, on all ranks, those of a group in alphabetical order; not the provenance.
/// Throws Error(environment) for a file that cannot be read, Error(usage) for one that is not HDF5, or has no
/// description or other numbers than float32 and float64. Collective.
ArrayFile read_arrays(Transport& transport, const std::string& path);

}  // namespace tutti
