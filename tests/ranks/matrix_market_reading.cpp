#include "tests/ranks/matrix_market_reading.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <thread>

namespace tutti {

namespace {

template <class T>
Bytes as_bytes(const std::vector<T>& items) {
  const auto bytes = std::as_bytes(std::span(items));
  return {bytes.begin(), bytes.end()};
}

template <class T>
void append(std::vector<T>& items, const Bytes& bytes) {
  const std::size_t before = items.size();
  items.resize(before + bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(items.data() + before, bytes.data(), bytes.size());
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

/// `read(transport)` on each of `ranks` threads; the result of rank 0, which stands for all.
template <class Reading, class Read>
Reading locally(std::uint32_t ranks, Read&& read) {
  const auto transports = make_local_transports(ranks);
  std::vector<Reading> readings(ranks);
  std::vector<std::thread> threads;
  for (std::uint32_t rank = 1; rank < ranks; ++rank)
    threads.emplace_back([&, rank] { readings[rank] = read(*transports[rank]); });
  readings[0] = read(*transports[0]);
  for (std::thread& thread : threads) thread.join();
  for (const Reading& reading : readings) {
    if (!reading.same_as(readings[0]))
      throw Error(Status::failed_verification,
                  "ranks disagree: " + readings[0].error + " / " + reading.error);
  }
  return readings[0];
}

}  // namespace

bool MatrixReading::same_as(const MatrixReading& other) const {
  if (status != other.status || error != other.error) return false;
  return !error.empty() || (header.rows == other.header.rows && header.columns == other.header.columns &&
                            header.entries == other.header.entries && same_bits(triplets, other.triplets));
}

bool VectorReading::same_as(const VectorReading& other) const {
  return status == other.status && error == other.error &&
         (!error.empty() || same_bits(values, other.values));
}

MatrixReading read_matrix(Transport& transport, const std::string& path, std::uint64_t block_bytes) {
  MatrixReading reading;
  try {
    MatrixMarketReader reader(transport, path, block_bytes);
    reading.header = reader.header();
    std::vector<Triplet> mine;
    while (reader.next(mine))
      for (const Bytes& theirs : transport.gather_all(as_bytes(mine))) append(reading.triplets, theirs);
  } catch (const Error& error) {
    reading.status = error.status();
    reading.error = error.what();
  }
  return reading;
}

VectorReading read_vector(Transport& transport, const std::string& path, std::int64_t rows,
                          std::uint64_t block_bytes) {
  VectorReading reading;
  try {
    MatrixMarketVectorReader reader(transport, path, rows, block_bytes);
    std::int64_t first = 0;
    std::vector<double> mine;
    while (reader.next(first, mine)) {
      std::uint64_t before = reading.values.size();
      bool in_place = true;
      std::uint32_t rank = 0;
      for (const Bytes& theirs : transport.gather_all(as_bytes(mine))) {
        if (rank++ == transport.rank().value)
          in_place = static_cast<std::uint64_t>(first) == reading.values.size();
        append(reading.values, theirs);
      }
      if (transport.min(std::uint64_t{in_place}) == 0)
        throw Error(Status::failed_verification, fmt::format("values are out of place after {}", before));
    }
  } catch (const Error& error) {
    reading.status = error.status();
    reading.error = error.what();
  }
  return reading;
}

MatrixReading read_matrix_locally(std::uint32_t ranks, const std::string& path, std::uint64_t block_bytes) {
  return locally<MatrixReading>(ranks, [&](Transport& t) { return read_matrix(t, path, block_bytes); });
}

VectorReading read_vector_locally(std::uint32_t ranks, const std::string& path, std::int64_t rows,
                                  std::uint64_t block_bytes) {
  return locally<VectorReading>(ranks, [&](Transport& t) { return read_vector(t, path, rows, block_bytes); });
}

}  // namespace tutti
