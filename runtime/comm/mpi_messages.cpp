#include "runtime/comm/mpi_messages.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <optional>

#include "runtime/comm/specs.hpp"
#include "runtime/exec/completion_list.hpp"

namespace tutti::mpi {
namespace {

using Clock = std::chrono::steady_clock;

class MpiMessages final : public Messages {
 public:
  MpiMessages(std::shared_ptr<Library> library, MPI_Comm control, const std::vector<MessageSpec>& specs);
  ~MpiMessages() override;
  bool start(std::uint32_t index) override;
  bool progress(std::vector<std::uint32_t>& done) override;
  bool test(std::uint32_t index) override;

 private:
  struct Message {
    explicit Message(const MessageSpec& s) : spec(s), extent(s.bytes) {}
    MessageSpec spec;
    Extent extent;
    std::uint32_t starts = 0;  ///< to make some sends synchronous
    bool is_under_way = false;
  };

  bool post(std::uint32_t index);
  void send(std::uint32_t index);
  bool is_complete(std::uint32_t index);
  void put_in_queue(std::uint32_t index);
  void take_queued();
  void cancel_receives();
  void await_sends();

  std::shared_ptr<Library> library_;
  std::optional<Communicator> communicator_;
  CompletionList queued_;  ///< started while another thread was in MPI
  // Under the lock:
  std::vector<Message> messages_;
  std::vector<MPI_Request> requests_;  ///< by message; those of receives are persistent
  std::uint32_t count_ = 0;            ///< of messages under way
  std::vector<std::uint32_t> sent_;    ///< complete, taken from queued_ and not reported yet
  std::vector<int> completed_;         ///< messages that MPI_Testsome reports
};

MpiMessages::MpiMessages(std::shared_ptr<Library> library, MPI_Comm control,
                         const std::vector<MessageSpec>& specs)
    : library_(std::move(library)),
      communicator_(std::in_place, control),
      queued_(static_cast<std::uint32_t>(specs.size())),
      requests_(specs.size(), MPI_REQUEST_NULL),
      completed_(specs.size()) {
  messages_.reserve(specs.size());
  for (const MessageSpec& spec : specs) {
    MPI_Request& request = requests_[messages_.size()];
    const Extent& extent = messages_.emplace_back(spec).extent;
    if (spec.sending) continue;
    check(MPI_Recv_init(spec.staging, extent.count(), extent.type(), static_cast<int>(spec.partner.value),
                        static_cast<int>(spec.tag), communicator_->get(), &request),
          "MPI_Recv_init");
  }
}

MpiMessages::~MpiMessages() {
  if (!Library::usable()) return;
  const std::lock_guard lock(library_->lock());
  queued_.take_all([this](std::uint32_t index) {
    if (messages_[index].spec.sending) post(index);
  });
  cancel_receives();
  await_sends();
  messages_.clear();  // while the lock is held
  communicator_.reset();
}

bool MpiMessages::start(std::uint32_t index) {
  const std::unique_lock lock(library_->lock(), std::try_to_lock);
  if (lock.owns_lock()) return post(index);
  put_in_queue(index);
  return false;
}

[[gnu::noinline]] void MpiMessages::put_in_queue(std::uint32_t index) {
  queued_.push(index);
  // whoever had the lock may have looked at the queue for the last time
  const std::unique_lock lock(library_->lock(), std::try_to_lock);
  if (lock.owns_lock()) take_queued();
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
  done.insert(done.end(), sent_.begin(), sent_.end());
  sent_.clear();
  if (count_ == 0) return true;
  int completed = 0;  // those that are not under way are not looked at
  check(MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &completed, completed_.data(),
                     MPI_STATUSES_IGNORE),
        "MPI_Testsome");
  for (int i = 0; i < completed; ++i) {
    const auto index = static_cast<std::uint32_t>(completed_[i]);
    messages_[index].is_under_way = false;
    done.push_back(index);
  }
  count_ -= static_cast<std::uint32_t>(completed);
  return true;
}

bool MpiMessages::test(std::uint32_t index) {
  const std::unique_lock lock(library_->lock(), std::try_to_lock);
  if (!lock.owns_lock() || !messages_[index].is_under_way || !is_complete(index)) return false;
  messages_[index].is_under_way = false;
  --count_;
  return true;
}

inline bool MpiMessages::is_complete(std::uint32_t index) {
  int complete = 0;
  check(MPI_Test(&requests_[index], &complete, MPI_STATUS_IGNORE), "MPI_Test");
  return complete != 0;
}

/// True if it was a send and is complete.
inline bool MpiMessages::post(std::uint32_t index) {
  Message& message = messages_[index];
  assert(!message.is_under_way);
  if (message.spec.sending) {
    send(index);
    if (is_complete(index)) return true;  // most short ones are, and then nobody has to look for them
  } else {
    check(MPI_Start(&requests_[index]), "MPI_Start");
  }
  message.is_under_way = true;
  ++count_;
  return false;
}

/// Not persistent as the receives are: Open MPI 4.1 sends short messages from within MPI_Isend, without a
/// request, and a step of two ranks takes 0.66 of what it does with MPI_Start.
inline void MpiMessages::send(std::uint32_t index) {
  Message& message = messages_[index];
  const MessageSpec& spec = message.spec;
  const Extent& extent = message.extent;
  const int partner = static_cast<int>(spec.partner.value);
  const int tag = static_cast<int>(spec.tag);
  if (++message.starts % bounded_skew != 0) {
    check(MPI_Isend(spec.staging, extent.count(), extent.type(), partner, tag, communicator_->get(),
                    &requests_[index]),
          "MPI_Isend");
  } else {
    check(MPI_Issend(spec.staging, extent.count(), extent.type(), partner, tag, communicator_->get(),
                     &requests_[index]),
          "MPI_Issend");
  }
}

void MpiMessages::cancel_receives() {
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    if (messages_[i].spec.sending) continue;
    if (messages_[i].is_under_way) {
      int complete = 0;
      MPI_Cancel(&requests_[i]);
      MPI_Test(&requests_[i], &complete, MPI_STATUS_IGNORE);
    }
    MPI_Request_free(&requests_[i]);  // also of one that is still under way; null, so nobody waits for it
  }
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

}  // namespace

std::unique_ptr<Messages> open_messages(std::shared_ptr<Library> library, MPI_Comm control,
                                        const std::vector<MessageSpec>& specs) {
  return std::make_unique<MpiMessages>(std::move(library), control, specs);
}

}  // namespace tutti::mpi
