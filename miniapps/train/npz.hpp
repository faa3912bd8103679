// NumPy's .npz files: stored (not compressed) zip archives of .npy arrays.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

struct NpzArray {
  std::string name;
  std::vector<std::int64_t> shape;  ///< row-major
  std::span<const float> values;
};

/// Writes a whole file or none. One process. Throws Error(environment) if it cannot be written, Error(usage)
/// for more than 4 GiB, which this form of archive does not hold.
void write_npz(const std::string& path, const std::vector<NpzArray>& arrays);
