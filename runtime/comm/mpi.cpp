// MPI: the control plane on one communicator, the messages of each graph (mpi_messages.hpp) on one of its
// own.
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "runtime/comm/mpi_device_memory.hpp"
#include "runtime/comm/mpi_library.hpp"
#include "runtime/comm/mpi_messages.hpp"
#include "runtime/comm/shared.hpp"
#include "runtime/comm/specs.hpp"
#include "runtime/error.hpp"

namespace tutti {
namespace {

using namespace mpi;
using Clock = std::chrono::steady_clock;

class MpiTransport : public Transport {
 public:
  MpiTransport(int& argc, char**& argv);

  RankId rank() const override { return RankId(rank_); }
  std::uint32_t ranks() const override { return static_cast<std::uint32_t>(ranks_); }
  std::uint32_t ranks_on_node() const override { return static_cast<std::uint32_t>(ranks_on_node_); }
  std::string description() const override;
  void check_workers(std::uint32_t workers) const override { library_->check_workers(workers); }
  std::string refuses_device_memory() const override { return mpi_refuses_device_memory(); }

  void barrier() override {
    const std::lock_guard lock(library_->lock());
    check(MPI_Barrier(control_.get()), "MPI_Barrier");
  }
  double max(double value) override { return all_reduce(value, MPI_DOUBLE, MPI_MAX); }
  std::uint64_t max(std::uint64_t value) override { return all_reduce(value, MPI_UINT64_T, MPI_MAX); }
  std::uint64_t min(std::uint64_t value) override { return all_reduce(value, MPI_UINT64_T, MPI_MIN); }
  std::uint64_t sum(std::uint64_t value) override { return all_reduce(value, MPI_UINT64_T, MPI_SUM); }
  std::vector<Bytes> gather_all(const Bytes& mine) override;
  std::map<RankId, Bytes> exchange(const std::map<RankId, Bytes>& outgoing) override;
  std::unique_ptr<Messages> open(std::vector<MessageSpec> specs) override;
  [[noreturn]] void abort(int status) override;

 private:
  template <class Value>
  Value all_reduce(Value value, MPI_Datatype type, MPI_Op operation) {
    const std::lock_guard lock(library_->lock());
    Value result{};
    check(MPI_Allreduce(&value, &result, 1, type, operation, control_.get()), "MPI_Allreduce");
    return result;
  }
  std::vector<MPI_Request> send_all(const std::map<RankId, Bytes>& outgoing,
                                    const std::vector<Extent>& extents, int tag);
  void receive_one(int tag, std::map<RankId, Bytes>& incoming);

  std::shared_ptr<Library> library_;
  Communicator control_;
  int rank_ = 0;
  int ranks_ = 1;
  int ranks_on_node_ = 1;
  std::uint64_t max_tag_ = 32767;
  int exchanges_ = 0;
};

MpiTransport::MpiTransport(int& argc, char**& argv)
    : library_(std::make_shared<Library>(argc, argv)), control_(MPI_COMM_WORLD) {
  check(MPI_Comm_rank(control_.get(), &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(control_.get(), &ranks_), "MPI_Comm_size");
  MPI_Comm node = MPI_COMM_NULL;
  check(MPI_Comm_split_type(control_.get(), MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node),
        "MPI_Comm_split_type");
  check(MPI_Comm_size(node, &ranks_on_node_), "MPI_Comm_size");
  MPI_Comm_free(&node);
  void* bound = nullptr;
  int found = 0;
  check(MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &bound, &found), "MPI_Comm_get_attr");
  if (found) max_tag_ = static_cast<std::uint64_t>(*static_cast<int*>(bound));
}

std::string MpiTransport::description() const {
  char version[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(version, &length);
  const std::string_view all(version, static_cast<std::size_t>(length));
  return fmt::format("{}, thread level {}", all.substr(0, all.find_first_of(",\n")),
                     level_name(library_->level()));
}

std::vector<Bytes> MpiTransport::gather_all(const Bytes& mine) {
  const std::lock_guard lock(library_->lock());
  const std::uint64_t size = mine.size();
  std::vector<std::uint64_t> sizes(ranks());
  check(MPI_Allgather(&size, 1, MPI_UINT64_T, sizes.data(), 1, MPI_UINT64_T, control_.get()),
        "MPI_Allgather");
  std::vector<int> counts;
  std::vector<int> offsets;
  std::uint64_t total = 0;
  for (const std::uint64_t bytes : sizes) {
    offsets.push_back(static_cast<int>(total));
    counts.push_back(static_cast<int>(bytes));
    total += bytes;
    if (total > INT_MAX)
      environment_error("Gathering more than {} bytes on every rank is too much for MPI.", INT_MAX);
  }
  Bytes together(total);
  check(MPI_Allgatherv(mine.data(), counts[rank_], MPI_BYTE, together.data(), counts.data(), offsets.data(),
                       MPI_BYTE, control_.get()),
        "MPI_Allgatherv");
  std::vector<Bytes> result;
  result.reserve(counts.size());
  for (std::size_t r = 0; r < counts.size(); ++r) {
    result.emplace_back(together.begin() + offsets[r], together.begin() + offsets[r] + counts[r]);
  }
  return result;
}

/// The algorithm NBX (Hoefler, Siebert, Lumsdaine, PPoPP'10): whoever knows that all it sent was received
/// enters a barrier that blocks nobody, and receives until the barrier is complete.
std::map<RankId, Bytes> MpiTransport::exchange(const std::map<RankId, Bytes>& outgoing) {
  check_partners(outgoing, ranks());
  const std::lock_guard lock(library_->lock());
  // Two tags: a rank that has left the barrier may start the next exchange before others have noticed.
  const int tag = exchanges_++ % 2;
  std::vector<Extent> extents;
  extents.reserve(outgoing.size());
  for (const auto& [partner, bytes] : outgoing) extents.emplace_back(bytes.size());
  std::vector<MPI_Request> sends = send_all(outgoing, extents, tag);
  std::map<RankId, Bytes> incoming;
  MPI_Request barrier = MPI_REQUEST_NULL;
  int sent = 0;
  int complete = 0;
  while (!complete) {
    receive_one(tag, incoming);
    if (sent) {
      check(MPI_Test(&barrier, &complete, MPI_STATUS_IGNORE), "MPI_Test");
      continue;
    }
    check(MPI_Testall(static_cast<int>(sends.size()), sends.data(), &sent, MPI_STATUSES_IGNORE),
          "MPI_Testall");
    if (sent) check(MPI_Ibarrier(control_.get(), &barrier), "MPI_Ibarrier");
  }
  return incoming;
}

std::vector<MPI_Request> MpiTransport::send_all(const std::map<RankId, Bytes>& outgoing,
                                                const std::vector<Extent>& extents, int tag) {
  std::vector<MPI_Request> sends;
  for (const auto& [partner, bytes] : outgoing) {
    const Extent& extent = extents[sends.size()];
    MPI_Request& request = sends.emplace_back(MPI_REQUEST_NULL);
    check(MPI_Issend(bytes.data(), extent.count(), extent.type(), static_cast<int>(partner.value), tag,
                     control_.get(), &request),
          "MPI_Issend");
  }
  return sends;
}

void MpiTransport::receive_one(int tag, std::map<RankId, Bytes>& incoming) {
  int there = 0;
  MPI_Message message = MPI_MESSAGE_NULL;
  MPI_Status status;
  check(MPI_Improbe(MPI_ANY_SOURCE, tag, control_.get(), &there, &message, &status), "MPI_Improbe");
  if (!there) return;
  MPI_Count size = 0;
  check(MPI_Get_elements_x(&status, MPI_BYTE, &size), "MPI_Get_elements_x");
  Bytes bytes(static_cast<std::size_t>(size));
  const Extent extent(bytes.size());
  check(MPI_Mrecv(bytes.data(), extent.count(), extent.type(), &message, MPI_STATUS_IGNORE), "MPI_Mrecv");
  incoming.emplace(RankId(status.MPI_SOURCE), std::move(bytes));
}

std::unique_ptr<Messages> MpiTransport::open(std::vector<MessageSpec> specs) {
  check_specs(specs, ranks(), max_tag_);
  const std::lock_guard lock(library_->lock());
  return open_messages(library_, control_.get(), std::move(specs));
}

void MpiTransport::abort(int status) {
  std::fflush(stdout);
  // Another thread may be in MPI; it will come out, unless MPI is what hangs.
  const auto limit = Clock::now() + std::chrono::milliseconds(100);
  while (!library_->lock().try_lock() && Clock::now() < limit) std::this_thread::yield();
  MPI_Abort(control_.get(), status);
  std::_Exit(status);
}

}  // namespace

std::shared_ptr<Transport> make_transport(int& argc, char**& argv) {
  return with_shared_memory(std::make_shared<MpiTransport>(argc, argv));
}

}  // namespace tutti
