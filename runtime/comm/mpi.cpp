// MPI: the control plane on one communicator, the messages of each graph on one of its own.
#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include <mpi.h>

#include "runtime/comm/mpi_device_memory.hpp"
#include "runtime/comm/shared.hpp"
#include "runtime/comm/specs.hpp"
#include "runtime/comm/transport.hpp"
#include "runtime/error.hpp"
#include "runtime/exec/completion_list.hpp"
#include "runtime/exec/memory_order.hpp"

namespace tutti {
namespace {

using Clock = std::chrono::steady_clock;

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  environment_error("{} failed: {}.", call, std::string_view(text, static_cast<std::size_t>(length)));
}

bool unwinding() { return std::uncaught_exceptions() > 0; }

const char* level_name(int level) {
  switch (level) {
    case MPI_THREAD_SINGLE:
      return "single";
    case MPI_THREAD_FUNNELED:
      return "funneled";
    case MPI_THREAD_SERIALIZED:
      return "serialized";
    default:
      return "multiple";
  }
}

/// A lock that is cheap to try: half the atomic operations of a std::mutex. Who waits for it yields; threads
/// in replays only try.
class TryLock {
 public:
  bool try_lock() {
    return !taken_.load(std::memory_order_relaxed) && !taken_.exchange(true, std::memory_order_acquire);
  }
  void lock() {
    while (!try_lock()) std::this_thread::yield();
  }
  void unlock() { taken_.store(false, std::memory_order_release); }

 private:
  alignas(cache_line_size_bytes) std::atomic<bool> taken_{false};
};

/// MPI itself, finalised by the last owner if this initialised it and nothing went wrong. Holds the lock
/// under which one thread at a time calls MPI.
class Library {
 public:
  Library(int& argc, char**& argv) {
    int finalised = 0;
    int initialised = 0;
    MPI_Finalized(&finalised);
    if (finalised)
      environment_error("MPI was finalised before the runtime was made: keep one runtime alive.");
    MPI_Initialized(&initialised);
    owner_ = !initialised;
    if (owner_) {
      check(MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &level_), "MPI_Init_thread");
    } else {
      check(MPI_Query_thread(&level_), "MPI_Query_thread");
    }
    if (level_ < MPI_THREAD_SERIALIZED) {
      environment_error("MPI grants thread level '{}', but 'serialized' is needed: build MPI with threads.",
                        level_name(level_));
    }
  }
  ~Library() {
    if (owner_ && usable()) MPI_Finalize();
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  TryLock& lock() { return lock_; }
  int level() const { return level_; }

  /// False where a destructor must leave MPI alone.
  static bool usable() {
    int finalised = 0;
    MPI_Finalized(&finalised);
    return !finalised && !unwinding();
  }

 private:
  TryLock lock_;
  int level_ = MPI_THREAD_SINGLE;
  bool owner_ = false;
};

/// A duplicate of a communicator whose errors come back as codes. Made by all ranks together.
class Communicator {
 public:
  explicit Communicator(MPI_Comm of) {
    check(MPI_Comm_dup(of, &comm_), "MPI_Comm_dup");
    check(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  }
  ~Communicator() {
    if (Library::usable()) MPI_Comm_free(&comm_);
  }
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  MPI_Comm get() const { return comm_; }

 private:
  MPI_Comm comm_ = MPI_COMM_NULL;
};

/// `bytes` bytes in the words of MPI, whose counts are int: more than that become one element of a type.
class Extent {
 public:
  explicit Extent(std::uint64_t bytes) {
    if (bytes <= INT_MAX) {
      count_ = static_cast<int>(bytes);
      return;
    }
    constexpr std::uint64_t block_bytes = 1U << 30;
    if (bytes / block_bytes > INT_MAX) environment_error("A message of {} bytes is too long for MPI.", bytes);
    const auto blocks = static_cast<int>(bytes / block_bytes);
    const std::array<int, 2> counts{1, static_cast<int>(bytes % block_bytes)};
    const std::array<MPI_Aint, 2> offsets{0, static_cast<MPI_Aint>(blocks * block_bytes)};
    std::array<MPI_Datatype, 2> types{MPI_DATATYPE_NULL, MPI_BYTE};
    MPI_Datatype block = MPI_DATATYPE_NULL;
    check(MPI_Type_contiguous(static_cast<int>(block_bytes), MPI_BYTE, &block), "MPI_Type_contiguous");
    check(MPI_Type_contiguous(blocks, block, types.data()), "MPI_Type_contiguous");
    check(MPI_Type_create_struct(2, counts.data(), offsets.data(), types.data(), &type_),
          "MPI_Type_create_struct");
    check(MPI_Type_commit(&type_), "MPI_Type_commit");
    MPI_Type_free(types.data());
    MPI_Type_free(&block);
  }
  ~Extent() {
    if (type_ != MPI_BYTE && Library::usable()) MPI_Type_free(&type_);
  }
  Extent(Extent&& other) noexcept : count_(other.count_), type_(std::exchange(other.type_, MPI_BYTE)) {}
  Extent& operator=(Extent&&) = delete;
  int count() const { return count_; }
  MPI_Datatype type() const { return type_; }

 private:
  int count_ = 1;
  MPI_Datatype type_ = MPI_BYTE;
};

class MpiMessages : public Messages {
 public:
  MpiMessages(std::shared_ptr<Library> library, MPI_Comm control, std::vector<MessageSpec> specs);
  ~MpiMessages() override;
  bool start(std::uint32_t index) override;
  bool progress(std::vector<std::uint32_t>& done) override;

 private:
  bool post(std::uint32_t index);
  MPI_Request send(std::uint32_t index);
  void take_queued();
  int test();
  void retire(int completed, std::vector<std::uint32_t>& done);
  void cancel_receives();
  void await_sends();

  std::shared_ptr<Library> library_;
  std::optional<Communicator> communicator_;
  std::vector<MessageSpec> specs_;
  std::vector<Extent> extents_;
  std::vector<std::uint32_t> starts_;  ///< by message, to make some sends synchronous
  CompletionList queued_;              ///< started while another thread was in MPI
  // Under the lock:
  std::vector<MPI_Request> receives_;  ///< by message; persistent, null for sends
  // what is under way, without gaps, and the message of each
  std::vector<MPI_Request> requests_;
  std::vector<std::uint32_t> messages_;
  std::vector<std::uint32_t> sent_;  ///< complete, taken from queued_ and not reported yet
  std::vector<int> completed_;       ///< positions that MPI_Testsome reports
};

MpiMessages::MpiMessages(std::shared_ptr<Library> library, MPI_Comm control, std::vector<MessageSpec> specs)
    : library_(std::move(library)),
      communicator_(std::in_place, control),
      specs_(std::move(specs)),
      starts_(specs_.size()),
      queued_(static_cast<std::uint32_t>(specs_.size())),
      completed_(specs_.size()) {
  receives_.reserve(specs_.size());
  for (const MessageSpec& spec : specs_) {
    const Extent& extent = extents_.emplace_back(spec.bytes);
    MPI_Request& request = receives_.emplace_back(MPI_REQUEST_NULL);
    if (spec.sending) continue;
    check(MPI_Recv_init(spec.staging, extent.count(), extent.type(), static_cast<int>(spec.partner.value),
                        static_cast<int>(spec.tag), communicator_->get(), &request),
          "MPI_Recv_init");
  }
  requests_.reserve(specs_.size());
  messages_.reserve(specs_.size());
}

MpiMessages::~MpiMessages() {
  if (!Library::usable()) return;
  const std::lock_guard lock(library_->lock());
  queued_.take_all([this](std::uint32_t index) {
    if (specs_[index].sending) post(index);
  });
  cancel_receives();
  await_sends();
  extents_.clear();  // while the lock is held
  communicator_.reset();
}

bool MpiMessages::start(std::uint32_t index) {
  {
    const std::unique_lock lock(library_->lock(), std::try_to_lock);
    if (lock.owns_lock()) return post(index);
  }
  queued_.push(index);
  // whoever had the lock may have looked at the queue for the last time
  const std::unique_lock lock(library_->lock(), std::try_to_lock);
  if (lock.owns_lock()) take_queued();
  return false;
}

void MpiMessages::take_queued() {
  queued_.take_all([this](std::uint32_t index) {
    if (post(index)) sent_.push_back(index);
  });
}

bool MpiMessages::progress(std::vector<std::uint32_t>& done) {
  const std::unique_lock lock(library_->lock(), std::try_to_lock);
  if (!lock.owns_lock()) return false;
  take_queued();
  if (!sent_.empty()) {
    done.insert(done.end(), sent_.begin(), sent_.end());
    sent_.clear();
  }
  if (!requests_.empty()) retire(test(), done);
  return true;
}

/// True if it was a send and is complete.
bool MpiMessages::post(std::uint32_t index) {
  assert(requests_.size() < specs_.size());  // a message is started again only after it was complete
  MPI_Request request = receives_[index];
  if (specs_[index].sending) {
    request = send(index);
    int complete = 0;  // most short messages are at once, and then nobody has to look for them
    check(MPI_Test(&request, &complete, MPI_STATUS_IGNORE), "MPI_Test");
    if (complete) return true;
  } else {
    check(MPI_Start(&request), "MPI_Start");
  }
  requests_.push_back(request);
  messages_.push_back(index);
  return false;
}

/// Not persistent as the receives are: Open MPI 4.1 sends short messages from within MPI_Isend, without a
/// request, and a step of two ranks takes 0.66 of what it does with MPI_Start.
MPI_Request MpiMessages::send(std::uint32_t index) {
  const MessageSpec& spec = specs_[index];
  const Extent& extent = extents_[index];
  const int partner = static_cast<int>(spec.partner.value);
  const int tag = static_cast<int>(spec.tag);
  MPI_Request request = MPI_REQUEST_NULL;
  if (++starts_[index] % bounded_skew != 0) {
    check(
        MPI_Isend(spec.staging, extent.count(), extent.type(), partner, tag, communicator_->get(), &request),
        "MPI_Isend");
  } else {
    check(
        MPI_Issend(spec.staging, extent.count(), extent.type(), partner, tag, communicator_->get(), &request),
        "MPI_Issend");
  }
  return request;
}

/// Fills completed_ and returns how many there are.
int MpiMessages::test() {
  int count = 0;
  if (requests_.size() == 1) {  // cheaper, and in Open MPI it looks again after it has made progress
    check(MPI_Test(requests_.data(), &count, MPI_STATUS_IGNORE), "MPI_Test");
    completed_[0] = 0;
  } else {
    check(MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &count, completed_.data(),
                       MPI_STATUSES_IGNORE),
          "MPI_Testsome");
  }
  return count;
}

void MpiMessages::retire(int completed, std::vector<std::uint32_t>& done) {
  // From the back, so that the last request, which fills the gap, is always one that goes on.
  if (completed > 1) std::sort(completed_.begin(), completed_.begin() + completed, std::greater<>());
  for (int i = 0; i < completed; ++i) {
    const auto gap = static_cast<std::size_t>(completed_[i]);
    done.push_back(messages_[gap]);
    requests_[gap] = requests_.back();
    messages_[gap] = messages_.back();
    requests_.pop_back();
    messages_.pop_back();
  }
}

void MpiMessages::cancel_receives() {
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    if (specs_[messages_[i]].sending) continue;
    int complete = 0;
    MPI_Cancel(&requests_[i]);
    MPI_Test(&requests_[i], &complete, MPI_STATUS_IGNORE);
    requests_[i] = MPI_REQUEST_NULL;  // await_sends() is not to wait for it
  }
  for (MPI_Request& request : receives_)
    if (request != MPI_REQUEST_NULL) MPI_Request_free(&request);  // also of one that is still under way
}

/// The staging of a send must stay until the send is done, and after this call it may be gone. The receivers
/// have posted or will post.
void MpiMessages::await_sends() {
  const auto limit = Clock::now() + farewell;
  int all_complete = 0;
  while (!all_complete && Clock::now() < limit) {
    MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &all_complete, MPI_STATUSES_IGNORE);
  }
}

class MpiTransport : public Transport {
 public:
  MpiTransport(int& argc, char**& argv);

  RankId rank() const override { return RankId(rank_); }
  std::uint32_t ranks() const override { return static_cast<std::uint32_t>(ranks_); }
  std::uint32_t ranks_on_node() const override { return static_cast<std::uint32_t>(ranks_on_node_); }
  std::string description() const override;
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
  return std::make_unique<MpiMessages>(library_, control_.get(), std::move(specs));
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
