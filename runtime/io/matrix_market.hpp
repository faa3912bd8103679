// Matrices and vectors in Matrix Market files, read by all ranks at once in bounded memory.
//
// Rounds. A reader hands out its file in rounds: in each, every rank parses a block of lines of its own, and
// the blocks of one round follow each other in the file in the order of the ranks. Between two rounds a
// caller may do what it likes with the entries, also communicate, so that neither text nor triplets are ever
// held whole. A rank holds one block of text (4 MiB and one line) and the entries of that block.
//
//   MatrixMarketReader reader(transport, path);
//   std::vector<Triplet> triplets;
//   while (reader.next(triplets)) send_to_owners(triplets);
//
// Files. `matrix coordinate real|integer|pattern general|symmetric|skew-symmetric` for matrices and
// `matrix array real|integer general` with one column for vectors, plain or compressed with gzip (told by the
// first bytes). As the format demands, `symmetric` stores no entry above the diagonal and `skew-symmetric`
// none on it. Comments and blank lines may stand between any lines; lines may end in CR LF and have at most
// 65536 bytes. Source of the format: Boisvert, Pozo, Remington, The Matrix Market Exchange Formats: Initial
// Design, NISTIR 5935, 1996.
//
// Plain files are cut at multiples of the block size, and a line belongs to the block with its first byte; so
// ranks agree on the cuts without talking. The content of a gzip file has to be decompressed from its start:
// every rank does so, and parses its own blocks. Decompression takes most of the time, so the ranks would get
// the text no sooner from one that decompressed it for all.
//
// Errors. Constructors and next() are collective; all ranks throw the same Error, that of the first line at
// fault, with the number of this line. Error(usage) for what is wrong with the file or its kind, also for
// what is no regular file; Error(environment) for a file that cannot be opened or read. After an Error a
// reader is of no further use.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/comm/transport.hpp"

namespace tutti {

enum class MatrixSymmetry { general, symmetric, skew_symmetric };

/// The first lines of a file. For a matrix: 0 <= entries <= what the shape, the symmetry and the size of the
/// file leave room for; of a gzip file: what could be in it at deflate's largest ratio, 1032. Rows and
/// columns are bounded by nothing: compare them with `entries` before you reserve memory for them.
struct MatrixMarketHeader {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t entries = 0;  ///< lines with an entry, before symmetry is expanded
  MatrixSymmetry symmetry = MatrixSymmetry::general;
  bool pattern = false;  ///< the file has no values; all are 1
};

/// One entry; row and column count from 0.
struct Triplet {
  std::int64_t row = 0;
  std::int64_t column = 0;
  double value = 0;
  bool operator==(const Triplet&) const = default;
};

/// Text per rank and round, at most. Other values are for tests.
inline constexpr std::uint64_t matrix_market_block_bytes = std::uint64_t{1} << 22U;

class MatrixMarketRounds;

/// A sparse matrix.
class MatrixMarketReader {
 public:
  /// Opens the file and reads its header. `transport` must outlive the reader.
  MatrixMarketReader(Transport& transport, const std::string& path,
                     std::uint64_t block_bytes = matrix_market_block_bytes);
  ~MatrixMarketReader();
  const MatrixMarketHeader& header() const { return header_; }

  /// Replaces `triplets` by this rank's entries of the next round, in the order of the file; there may be
  /// none. Finite values, 0 <= row < rows, 0 <= column < columns. An entry off the diagonal of a symmetric
  /// matrix is followed by its mirror image. The same place may occur again: it is up to the caller to add
  /// such entries or to refuse them. Returns false, on all ranks, after the last round.
  bool next(std::vector<Triplet>& triplets);

 private:
  MatrixMarketHeader header_;
  std::unique_ptr<MatrixMarketRounds> rounds_;
};

/// A dense vector.
class MatrixMarketVectorReader {
 public:
  /// Opens the file and reads its header; refuses any other number of rows than `rows`. `transport` must
  /// outlive the reader.
  MatrixMarketVectorReader(Transport& transport, const std::string& path, std::int64_t rows,
                           std::uint64_t block_bytes = matrix_market_block_bytes);
  ~MatrixMarketVectorReader();

  /// Replaces `values` by this rank's elements of the next round; there may be none. They are finite and
  /// belong to the rows from `first` on. Returns false, on all ranks, after the last round.
  bool next(std::int64_t& first, std::vector<double>& values);

 private:
  std::unique_ptr<MatrixMarketRounds> rounds_;
};

}  // namespace tutti
