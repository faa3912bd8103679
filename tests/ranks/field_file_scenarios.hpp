// What files of fields must do, on any transport and any number of ranks.
#pragma once

#include <functional>
#include <string>

#include "runtime/comm/transport.hpp"

namespace tutti::scenarios {

// Each takes the transport of this rank and a folder that all ranks share.

/// A field written as an image and read again, into other tiles, is the same; 1-D to 3-D.
void image_round_trip(Transport& transport, const std::string& folder);
/// An image has the attributes and the axis order of VTKHDF.
void image_layout(Transport& transport, const std::string& folder);
/// Ordinary arrays of float64, float32 and int32 are read in the order of the grid.
void ordinary_arrays(Transport& transport, const std::string& folder);
/// Named arrays and a description are read again on all ranks; the provenance is where images have it.
void named_arrays(Transport& transport, const std::string& folder);
/// Every kind of file that does not fit is refused by all ranks with the same words.
void file_refusals(Transport& transport, const std::string& folder);

}  // namespace tutti::scenarios
