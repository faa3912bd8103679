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

class MpiMessages : public Messages {
 public:
  MpiMessages(std::shared_ptr<Library> library, MPI_Comm control, std::vector<MessageSpec> specs);
  ~MpiMessages() override;
  bool start(std::uint32_t index) override;
  bool progress(std::vector<std::uint32_t>& done) override { return look(done, true); }
  bool glance(std::vector<std::uint32_t>& done) override { return look(done, false); }

 private:
  static constexpr std::uint32_t gone = ~0U;
  static constexpr unsigned glances_at_oldest = 16;  ///< until one is at all

  bool post(std::uint32_t index);
  MPI_Request send(std::uint32_t index);
  void take_queued();
  bool look(std::vector<std::uint32_t>& done, bool at_all);
  int test_all();
  int test_oldest();
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
  // what is under way, the oldest first, and the message of each
  std::vector<MPI_Request> requests_;
  std::vector<std::uint32_t> messages_;
  unsigned glances_ = 0;
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

bool MpiMessages::look(std::vector<std::uint32_t>& done, bool at_all) {
  const std::unique_lock lock(library_->lock(), std::try_to_lock);
  if (!lock.owns_lock()) return false;
  take_queued();
  if (!sent_.empty()) {
    done.insert(done.end(), sent_.begin(), sent_.end());
    sent_.clear();
  }
  if (!requests_.empty())
    retire(at_all || ++glances_ % glances_at_oldest == 0 ? test_all() : test_oldest(), done);
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
int MpiMessages::test_all() {
  if (requests_.size() == 1) return test_oldest();
  int count = 0;
  check(MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &count, completed_.data(),
                     MPI_STATUSES_IGNORE),
        "MPI_Testsome");
  return count;
}

/// The same for the one that is the next to be complete where ranks go in step: in Open MPI 4.1 MPI_Test
/// looks again after it has made progress, and MPI_Testsome, which does not, adds a tenth to a step of two
/// ranks.
int MpiMessages::test_oldest() {
  int is_complete = 0;
  check(MPI_Test(requests_.data(), &is_complete, MPI_STATUS_IGNORE), "MPI_Test");
  completed_[0] = 0;
  return is_complete;
}

void MpiMessages::retire(int completed, std::vector<std::uint32_t>& done) {
  // The others close up in their order: the oldest stays in front.
  for (int i = 0; i < completed; ++i) {
    const auto at = static_cast<std::size_t>(completed_[i]);
    done.push_back(messages_[at]);
    messages_[at] = gone;
  }
  std::size_t kept = 0;
  for (std::size_t at = 0; at < messages_.size(); ++at) {
    if (messages_[at] == gone) continue;
    messages_[kept] = messages_[at];
    requests_[kept++] = requests_[at];
  }
  messages_.resize(kept);
  requests_.resize(kept);
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

}  // namespace

std::unique_ptr<Messages> open_messages(std::shared_ptr<Library> library, MPI_Comm control,
                                        std::vector<MessageSpec> specs) {
  return std::make_unique<MpiMessages>(std::move(library), control, std::move(specs));
}

}  // namespace tutti::mpi
