// Fields in files: HDF5 arrays in, VTKHDF images out. In a build without HDF5 every function but
// field_file_library throws Error(usage).
//
// Axes. An ordinary dataset has the shape of the grid: dimension d of the dataset is dimension d of --grid,
// and the last is contiguous. A dataset of a VTKHDF image has VTK's shape (NZ, NY, NX), x contiguous, where x
// is the first dimension of --grid; missing ones have extent 1. Both are recognised when reading, so that
// what one run writes the next can start from.
//
// All functions taking a transport are collective. An Error is found by all ranks alike: Error(environment)
// for a file or dataset that cannot be opened, read or written, Error(usage) for a shape or an element type
// that does not fit; the message names file, dataset, and what was found and wanted.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "runtime/comm/transport.hpp"
#include "runtime/data/collection.hpp"

namespace tutti {

/// Library and version, for reports: "HDF5 1.10.8, parallel", or "none".
std::string field_file_library();

/// The grid that fits a dataset, in the order of --grid. `spec` is FILE:/DATASET. Of a VTKHDF image, trailing
/// extents of 1 are dropped.
std::vector<std::int64_t> read_extents(Transport& transport, const std::string& spec);

/// Fills a field from a dataset of its grid's extents. Integers and other precisions are converted to double.
void read_field(Transport& transport, const std::string& spec, Field<double>& field);

/// One array of an image.
struct NamedField {
  std::string name;
  const Field<double>* field;
};

/// What is written beside the arrays. Lengths are in units of the problem; per dimension of the grid.
struct ImageMetadata {
  std::int64_t step = 0;
  double time = 0;
  std::vector<double> origin;   ///< of the first cell; empty: 0
  std::vector<double> spacing;  ///< between cells; empty: 1
  nlohmann::json provenance;    ///< an object, see Report::provenance; that of rank 0 counts
};

/// Writes fields of one grid as a VTKHDF 2.0 ImageData file, cells as points, which ParaView opens. The file
/// appears under its name when it is complete; what had the name before is replaced. Step and time become
/// attributes of the group /tutti; provenance its dataset `provenance`, one JSON text, and its main entries
/// (version, commit, problem, ranks, compiler, host, ...) attributes as well, which listings of a file show.
void write_vtkhdf(Transport& transport, const std::string& path, const std::vector<NamedField>& fields,
                  const ImageMetadata& metadata);

}  // namespace tutti
