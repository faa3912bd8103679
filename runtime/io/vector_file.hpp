// A vector of a linear system in an HDF5 file, with what was found on the way to it. In a build without HDF5,
// write_vector throws Error(usage).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "runtime/comm/transport.hpp"
#include "runtime/data/collection.hpp"
#include "runtime/io/named_array.hpp"

namespace tutti {

/// How a vector's rows lie in its dataset.
struct VectorShape {
  /// One to three extents, of as many elements as there are rows, the last one contiguous.
  std::vector<std::int64_t> extents;
  /// The box of the dataset that a tile's rows fill in order, its last dimension fastest (a dataset of fewer
  /// dimensions has the last ones). Empty function: rows lie in their order, and there is one extent.
  std::function<Box(TileId)> box{};
};

/// Writes a file with the dataset `name` (float64) of that shape, arrays, which are the same on all ranks,
/// and a group `tutti` with the provenance as write_vtkhdf writes it. The file appears under its name when it
/// is complete; what had the name before is replaced. Throws Error(environment) on all ranks if it cannot be
/// written. Collective; between runs only.
void write_vector(Transport& transport, const std::string& path, const std::string& name,
                  const Vector<double>& vector, const VectorShape& shape,
                  const std::vector<NamedArray>& arrays, const nlohmann::json& provenance);

}  // namespace tutti
