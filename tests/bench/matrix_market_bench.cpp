// How fast all ranks together read a Matrix Market file, and in how much memory. Nothing is kept of it.
//
//   mpirun -n 2 matrix_market_bench FILE [repeats [block_bytes]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include <sys/resource.h>

#include "runtime/errors.hpp"
#include "runtime/io/matrix_market.hpp"

namespace {

std::uint64_t peak_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss);
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double read_seconds(tutti::Transport& transport, const char* path, std::uint64_t block_bytes,
                    std::uint64_t& triplets_read) {
  transport.barrier();
  const auto start = std::chrono::steady_clock::now();
  tutti::MatrixMarketReader reader(transport, path, block_bytes);
  std::vector<tutti::Triplet> triplets;
  triplets_read = 0;
  while (reader.next(triplets)) triplets_read += triplets.size();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  triplets_read = transport.sum(triplets_read);
  return transport.max(elapsed.count());
}

}  // namespace

int main(int argc, char** argv) {
  const auto transport = tutti::make_transport(argc, argv);
  tutti::end_program_on_uncaught_errors(transport.get());
  if (argc < 2) tutti::end_program("usage: matrix_market_bench FILE [repeats [block_bytes]]", 2);
  const int repeats = argc > 2 ? std::max(1, std::atoi(argv[2])) : 5;
  const std::uint64_t block_bytes =
      argc > 3 ? std::strtoull(argv[3], nullptr, 10) : tutti::matrix_market_block_bytes;
  const std::uint64_t before_kib = peak_kib();
  std::vector<double> seconds;
  seconds.reserve(static_cast<std::size_t>(repeats));
  std::uint64_t triplets = 0;
  const double cpu_before = cpu_seconds();
  for (int i = 0; i < repeats; ++i)
    seconds.push_back(read_seconds(*transport, argv[1], block_bytes, triplets));
  const double cpu = transport->max(cpu_seconds() - cpu_before) / repeats;
  const std::uint64_t grown_kib = transport->max(peak_kib() - before_kib);
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  const auto mb = static_cast<double>(std::filesystem::file_size(argv[1])) / 1e6;
  if (transport->rank().value == 0) {
    std::printf(
        "%u ranks, %.1f MB, %llu triplets, %d repeats: median %.3f s (%.3f to %.3f), %.0f MB/s; "
        "%.3f s of processor time per rank, "
        "peak memory of a rank grows by %.1f MiB\n",
        transport->ranks(), mb, static_cast<unsigned long long>(triplets), repeats, median, seconds.front(),
        seconds.back(), mb / median, cpu, static_cast<double>(grown_kib) / 1024);
  }
  tutti::end_program_on_uncaught_errors(nullptr);
  return 0;
}
