#include <array>
#include <chrono>
#include <thread>

#include <mpi.h>

#include "miniapps/metg/ranks.hpp"

namespace metg {

namespace {

constexpr int tag = 1;

/// MPI is not started if the program runs alone.
int rank_count() {
  int is_started = 0;
  int ranks = 1;
  MPI_Initialized(&is_started);
  if (is_started != 0) MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  return ranks;
}

}  // namespace

void wait_for_first_rank() {
  if (rank_count() == 1) return;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Ibarrier(MPI_COMM_WORLD, &request);
  for (;;) {
    int is_done = 0;
    MPI_Test(&request, &is_done, MPI_STATUS_IGNORE);
    if (is_done != 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

double message_latency_ns() {
  constexpr int trips = 2000;
  if (rank_count() == 1) return 0;
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::array<char, 16> message{};
  const auto size = static_cast<int>(message.size());
  double half_trip_ns = 0;
  std::chrono::steady_clock::time_point begin;
  for (int i = -trips / 10; i < trips && rank < 2; ++i) {  // the first ones are not timed
    if (i == 0) begin = std::chrono::steady_clock::now();
    if (rank == 0) MPI_Send(message.data(), size, MPI_BYTE, 1, tag, MPI_COMM_WORLD);
    MPI_Recv(message.data(), size, MPI_BYTE, 1 - rank, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (rank == 1) MPI_Send(message.data(), size, MPI_BYTE, 0, tag, MPI_COMM_WORLD);
  }
  if (rank == 0) {
    const std::chrono::duration<double, std::nano> elapsed = std::chrono::steady_clock::now() - begin;
    half_trip_ns = elapsed.count() / (2 * trips);
  }
  MPI_Bcast(&half_trip_ns, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  return half_trip_ns;
}

}  // namespace metg
