// Ranks that are threads of one process: shared memory under mutexes, simple rather than fast.
#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>

#include "runtime/comm/specs.hpp"
#include "runtime/comm/transport.hpp"
#include "runtime/error.hpp"

namespace tutti {
namespace {

constexpr std::uint64_t local_max_tag = 32767;  // what the MPI standard guarantees

/// The way of one message from its sender to its receiver: a queue of copies, as long as the bounded skew.
class Channel {
 public:
  /// False if the receiver is too far behind.
  bool put(const MessageSpec& spec) {
    const std::lock_guard lock(mutex_);
    if (count_ == bounded_skew) return false;
    Bytes& copy = queue_[(first_ + count_++) % bounded_skew];
    copy.resize(spec.bytes);
    std::copy_n(spec.staging, spec.bytes, copy.begin());
    return true;
  }

  /// False if nothing has arrived.
  bool take(const MessageSpec& spec) {
    const std::lock_guard lock(mutex_);
    if (count_ == 0) return false;
    const Bytes& copy = queue_[first_];
    if (copy.size() != spec.bytes) {
      usage_error("Rank {} sent {} bytes with tag {} to a receive of {} bytes.", spec.partner.value,
                  copy.size(), spec.tag, spec.bytes);
    }
    std::copy_n(copy.begin(), spec.bytes, spec.staging);
    first_ = (first_ + 1) % bounded_skew;
    --count_;
    return true;
  }

 private:
  std::mutex mutex_;
  std::array<Bytes, bounded_skew> queue_;
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
};

/// What one rank contributes to a collective: bytes for some ranks. All collectives are made of this.
using Contribution = std::map<RankId, Bytes>;
using Contributions = std::vector<Contribution>;

/// What the ranks share.
class Job {
 public:
  explicit Job(std::uint32_t ranks) : arriving_(ranks) {}
  std::uint32_t ranks() const { return static_cast<std::uint32_t>(arriving_.size()); }

  /// Returns everybody's contribution once everybody has called it with the same `name`.
  std::shared_ptr<const Contributions> gather(std::string_view name, RankId rank, Contribution mine) {
    std::unique_lock lock(mutex_);
    if (arrived_ == 0) name_ = name;
    if (name != name_) {
      usage_error("Rank {} entered the collective '{}' while another rank entered '{}'.", rank.value, name,
                  name_);
    }
    arriving_[rank.index()] = std::move(mine);
    if (++arrived_ < ranks()) {
      const std::uint64_t mine_is = generation_;
      all_here_.wait(lock, [&] { return generation_ != mine_is; });
    } else {
      complete_ = std::make_shared<const Contributions>(std::exchange(arriving_, Contributions(ranks())));
      arrived_ = 0;
      ++generation_;
      all_here_.notify_all();
    }
    return complete_;  // the next generation needs this rank too, so it is still this one's
  }

  std::shared_ptr<Channel> channel(std::uint32_t graph, RankId sender, RankId receiver, std::uint32_t tag) {
    const std::lock_guard lock(mutex_);
    std::weak_ptr<Channel>& known = channels_[{graph, sender, receiver, tag}];
    std::shared_ptr<Channel> channel = known.lock();
    if (!channel) known = channel = std::make_shared<Channel>();
    return channel;
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_here_;
  std::string name_;
  std::uint32_t arrived_ = 0;
  std::uint64_t generation_ = 0;
  Contributions arriving_;
  std::shared_ptr<const Contributions> complete_;
  std::map<std::tuple<std::uint32_t, RankId, RankId, std::uint32_t>, std::weak_ptr<Channel>> channels_;
};

class LocalMessages : public Messages {
 public:
  LocalMessages(Job& job, RankId rank, std::uint32_t graph, std::vector<MessageSpec> specs)
      : specs_(std::move(specs)) {
    for (const MessageSpec& spec : specs_) {
      channels_.push_back(spec.sending ? job.channel(graph, rank, spec.partner, spec.tag)
                                       : job.channel(graph, spec.partner, rank, spec.tag));
    }
  }

  ~LocalMessages() override {
    const auto limit = std::chrono::steady_clock::now() + farewell;
    std::erase_if(waiting_, [this](std::uint32_t index) { return !specs_[index].sending; });
    while (!waiting_.empty() && std::uncaught_exceptions() == 0 && std::chrono::steady_clock::now() < limit) {
      std::erase_if(waiting_, [this](std::uint32_t index) { return attempt(index); });
      std::this_thread::yield();
    }
  }

  bool start(std::uint32_t index) override {
    const std::lock_guard lock(mutex_);
    const bool complete = attempt(index);
    if (complete && specs_[index].sending) return true;
    (complete ? finished_ : waiting_).push_back(index);
    return false;
  }

  bool progress(std::vector<std::uint32_t>& done) override {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return false;
    done.insert(done.end(), finished_.begin(), finished_.end());
    finished_.clear();
    std::erase_if(waiting_, [&](std::uint32_t index) {
      const bool complete = attempt(index);
      if (complete) done.push_back(index);
      return complete;
    });
    return true;
  }

 private:
  bool attempt(std::uint32_t index) {
    const MessageSpec& spec = specs_[index];
    return spec.sending ? channels_[index]->put(spec) : channels_[index]->take(spec);
  }

  std::vector<MessageSpec> specs_;
  std::vector<std::shared_ptr<Channel>> channels_;
  std::mutex mutex_;
  std::vector<std::uint32_t> waiting_;
  std::vector<std::uint32_t> finished_;
};

class LocalTransport : public Transport {
 public:
  LocalTransport(std::shared_ptr<Job> job, RankId rank) : job_(std::move(job)), rank_(rank) {}

  RankId rank() const override { return rank_; }
  std::uint32_t ranks() const override { return job_->ranks(); }
  std::uint32_t ranks_on_node() const override { return ranks(); }
  std::string description() const override {
    return ranks() == 1 ? "none: one rank by itself" : fmt::format("{} ranks inside one process", ranks());
  }

  void barrier() override { job_->gather("barrier", rank_, {}); }
  double max(double value) override {
    return fold("max(double)", value, [](double a, double b) { return std::max(a, b); });
  }
  std::uint64_t max(std::uint64_t value) override {
    return fold("max", value, [](std::uint64_t a, std::uint64_t b) { return std::max(a, b); });
  }
  std::uint64_t min(std::uint64_t value) override {
    return fold("min", value, [](std::uint64_t a, std::uint64_t b) { return std::min(a, b); });
  }
  std::uint64_t sum(std::uint64_t value) override { return fold("sum", value, std::plus<>()); }

  std::vector<Bytes> gather_all(const Bytes& mine) override { return gather_own("gather_all", mine); }

  std::map<RankId, Bytes> exchange(const std::map<RankId, Bytes>& outgoing) override {
    check_partners(outgoing, ranks());
    const auto all = job_->gather("exchange", rank_, outgoing);
    std::map<RankId, Bytes> incoming;
    for (std::uint32_t sender = 0; sender < ranks(); ++sender) {
      const auto found = (*all)[sender].find(rank_);
      if (found != (*all)[sender].end()) incoming.emplace(RankId(sender), found->second);
    }
    return incoming;
  }

  std::unique_ptr<Messages> open(std::vector<MessageSpec> specs) override {
    check_specs(specs, ranks(), local_max_tag);
    auto messages = std::make_unique<LocalMessages>(*job_, rank_, graphs_++, std::move(specs));
    job_->gather("open", rank_, {});  // all channels exist before the first message
    return messages;
  }

  [[noreturn]] void abort(int status) override {
    std::fflush(stdout);
    std::_Exit(status);
  }

 private:
  std::vector<Bytes> gather_own(std::string_view name, const Bytes& mine) {
    const auto all = job_->gather(name, rank_, {{rank_, mine}});
    std::vector<Bytes> result;
    for (std::uint32_t rank = 0; rank < ranks(); ++rank) result.push_back((*all)[rank].at(RankId(rank)));
    return result;
  }

  template <class Value, class Combine>
  Value fold(std::string_view name, Value mine, Combine&& combine) {
    Bytes bytes(sizeof(Value));
    std::memcpy(bytes.data(), &mine, sizeof(Value));
    const std::vector<Bytes> all = gather_own(name, bytes);
    Value result{};
    std::memcpy(&result, all.front().data(), sizeof(Value));
    for (std::size_t rank = 1; rank < all.size(); ++rank) {
      Value other{};
      std::memcpy(&other, all[rank].data(), sizeof(Value));
      result = combine(result, other);
    }
    return result;
  }

  std::shared_ptr<Job> job_;
  RankId rank_;
  std::uint32_t graphs_ = 0;  ///< opened so far; the same on all ranks
};

}  // namespace

std::vector<std::shared_ptr<Transport>> make_local_transports(std::uint32_t ranks) {
  if (ranks == 0) usage_error("A job needs at least one rank.");
  const auto job = std::make_shared<Job>(ranks);
  std::vector<std::shared_ptr<Transport>> transports;
  for (std::uint32_t rank = 0; rank < ranks; ++rank) {
    transports.push_back(std::make_shared<LocalTransport>(job, RankId(rank)));
  }
  return transports;
}

}  // namespace tutti
