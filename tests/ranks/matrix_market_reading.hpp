// A whole Matrix Market file as one value, for comparisons between numbers of ranks, and against what was
// meant.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/comm/transport.hpp"
#include "runtime/error.hpp"
#include "runtime/io/matrix_market.hpp"

namespace tutti {

/// What all ranks together read, in the order of the file, or why they refused it.
struct MatrixReading {
  MatrixMarketHeader header;
  std::vector<Triplet> triplets;  ///< up to the round of the error, where there is one
  Status status = Status::verified;
  std::string error;

  /// The same outcome: the same bits in all triplets, or the same error.
  bool same_as(const MatrixReading& other) const;
};

struct VectorReading {
  std::vector<double> values;
  Status status = Status::verified;
  std::string error;

  bool same_as(const VectorReading& other) const;
};

// Collective; the same result on all ranks.
MatrixReading read_matrix(Transport& transport, const std::string& path, std::uint64_t block_bytes);
VectorReading read_vector(Transport& transport, const std::string& path, std::int64_t rows,
                          std::uint64_t block_bytes);

// The same on `ranks` threads of this process.
MatrixReading read_matrix_locally(std::uint32_t ranks, const std::string& path, std::uint64_t block_bytes);
VectorReading read_vector_locally(std::uint32_t ranks, const std::string& path, std::int64_t rows,
                                  std::uint64_t block_bytes);

}  // namespace tutti
