#include "tests/fuzz/check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "tests/ranks/matrix_market_reading.hpp"

namespace tutti::fuzz {

namespace {

constexpr std::uint64_t whole = 1U << 16U;  // bytes in a block; more than most inputs have

void require(bool condition, const std::string& what) {
  if (!condition) throw std::logic_error(what);
}

/// A file that exists in memory alone.
class MemoryFile {
 public:
  explicit MemoryFile(std::span<const char> data) : descriptor_(memfd_create("matrix", MFD_CLOEXEC)) {
    require(descriptor_ >= 0, "no file in memory");
    for (std::size_t done = 0; done < data.size();) {
      const auto got = write(descriptor_, data.data() + done, data.size() - done);
      require(got > 0, "cannot write to the file in memory");
      done += static_cast<std::size_t>(got);
    }
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

void check_refusal(const std::string& path, Status status, const std::string& error) {
  require(status == Status::usage, "status is not 2: " + error);
  require(error.starts_with("cannot read '" + path + "', line "), "unclear: " + error);
  require(error.size() < 400, "not a short line: " + error);
  require(std::all_of(error.begin(), error.end(), [](char c) { return c >= ' ' && c <= '~'; }),
          "not printable: " + error);
}

void check_triplets(const MatrixReading& reading) {
  const MatrixMarketHeader& header = reading.header;
  std::int64_t stored = 0;
  for (const Triplet& t : reading.triplets) {
    require(t.row >= 0 && t.row < header.rows && t.column >= 0 && t.column < header.columns, "out of range");
    require(std::isfinite(t.value), "not finite");
    stored += header.symmetry == MatrixSymmetry::general || t.row >= t.column;
  }
  require(stored == header.entries, "not as many entries as declared");
}

/// The line is one of the file, or the one that is missing at its end.
void check_line_number(std::span<const char> data, const std::string& error) {
  if (data.size() > 1 && data[0] == '\x1f' && data[1] == '\x8b') return;  // lines of what is inside
  const std::string before_number = "', line ";
  const long long line = std::atoll(error.c_str() + error.find(before_number) + before_number.size());
  const auto lines =
      std::count(data.begin(), data.end(), '\n') + (!data.empty() && data.back() != '\n' ? 1 : 0);
  require(line >= 1 && line <= lines + 1, "no such line: " + error);
}

std::string describe(const std::string& one, const std::string& several, std::uint64_t block_bytes) {
  return "1 rank: '" + one + "', several with blocks of " + std::to_string(block_bytes) + ": '" + several +
         "'";
}

}  // namespace

void check_matrix_market(std::span<const char> data) {
  const MemoryFile file(data);
  const std::string path = file.path();
  const std::uint32_t ranks = 2 + data.size() % 2;
  const std::uint64_t block_bytes = 1 + data.size() % 61;

  const MatrixReading matrix = read_matrix_locally(1, path, whole);
  const MatrixReading again = read_matrix_locally(ranks, path, block_bytes);
  require(matrix.same_as(again), describe(matrix.error, again.error, block_bytes));
  if (matrix.error.empty()) {
    check_triplets(matrix);
    return;  // no vector
  }
  check_refusal(path, matrix.status, matrix.error);
  check_line_number(data, matrix.error);

  constexpr std::int64_t rows = 3;
  const VectorReading vector = read_vector_locally(1, path, rows, whole);
  const VectorReading vector_again = read_vector_locally(ranks, path, rows, block_bytes);
  require(vector.same_as(vector_again), describe(vector.error, vector_again.error, block_bytes));
  const bool misfit = vector.error.starts_with("cannot use '" + path + "': the vector has ");
  if (vector.error.empty()) {
    require(vector.values.size() == rows, "not as many values as declared");
    require(
        std::all_of(vector.values.begin(), vector.values.end(), [](double v) { return std::isfinite(v); }),
        "not finite");
  } else if (!misfit) {
    check_refusal(path, vector.status, vector.error);
    check_line_number(data, vector.error);
  }
}

}  // namespace tutti::fuzz
