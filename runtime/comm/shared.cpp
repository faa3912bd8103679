#include "runtime/comm/shared.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "runtime/comm/specs.hpp"
#include "runtime/comm/window.hpp"
#include "runtime/error.hpp"
#include "runtime/machine.hpp"

namespace tutti {
namespace {

/// Plain values as bytes, one after the other.
template <class Value>
void append(Bytes& bytes, const Value& value) {
  const std::size_t at = bytes.size();
  bytes.resize(at + sizeof value);
  std::memcpy(bytes.data() + at, &value, sizeof value);
}
template <class Value>
Value element(const Bytes& bytes, std::size_t at) {
  Value value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// A channel that a receiver offers to its sender.
struct Offer {
  std::uint64_t tag;
  std::uint64_t bytes;
  std::uint64_t offset;
};

/// What one rank has of the windows of a graph.
struct Windows {
  std::vector<std::byte*> channels;   ///< by message; null: not through a window
  std::shared_ptr<SharedMemory> own;  ///< what this rank offers, if anything
  std::vector<std::shared_ptr<SharedMemory>> memory;
  bool complete = true;  ///< the system did what was asked
};

/// The messages of a graph with partners near and far.
class MixedMessages : public Messages {
 public:
  MixedMessages(std::vector<std::byte*> channels, std::unique_ptr<Messages> near,
                std::unique_ptr<Messages> far)
      : channels_(std::move(channels)), near_(std::move(near)), far_(std::move(far)) {}
  bool start(std::uint32_t index) override { return of(index).start(index); }
  bool progress(std::vector<std::uint32_t>& done) override {
    const bool near = near_->progress(done);
    const bool far = far_->progress(done);
    return near && far;
  }
  bool test(std::uint32_t index) override { return of(index).test(index); }

 private:
  Messages& of(std::uint32_t index) { return channels_[index] ? *near_ : *far_; }

  std::vector<std::byte*> channels_;
  std::unique_ptr<Messages> near_;
  std::unique_ptr<Messages> far_;
};

class SharedTransport : public Transport {
 public:
  SharedTransport(std::shared_ptr<Transport> far, std::uint64_t node) : far_(std::move(far)) {
    find_near(node);
  }
  bool useful() const { return near_pairs_ > 0; }

  RankId rank() const override { return far_->rank(); }
  std::uint32_t ranks() const override { return far_->ranks(); }
  std::uint32_t ranks_on_node() const override { return far_->ranks_on_node(); }
  std::string description() const override {
    const bool all = near_pairs_ == std::uint64_t{ranks()} * (ranks() - 1);
    return far_->description() + (!wanted_ ? ""
                                  : all    ? ", messages through shared memory"
                                           : ", messages within a node through shared memory");
  }
  void check_workers(std::uint32_t workers) const override { far_->check_workers(workers); }
  void share_memory(bool wanted) override { wanted_ = wanted; }
  std::string refuses_device_memory() const override { return far_->refuses_device_memory(); }

  void barrier() override { far_->barrier(); }
  double max(double value) override { return far_->max(value); }
  std::uint64_t max(std::uint64_t value) override { return far_->max(value); }
  std::uint64_t min(std::uint64_t value) override { return far_->min(value); }
  std::uint64_t sum(std::uint64_t value) override { return far_->sum(value); }
  std::vector<Bytes> gather_all(const Bytes& mine) override { return far_->gather_all(mine); }
  std::map<RankId, Bytes> exchange(const std::map<RankId, Bytes>& outgoing) override {
    return far_->exchange(outgoing);
  }
  std::unique_ptr<Messages> open(std::vector<MessageSpec> specs) override;
  [[noreturn]] void abort(int status) override {
    far_->abort(status);
    std::_Exit(status);  // not reached
  }

 private:
  void find_near(std::uint64_t node);
  std::map<RankId, Bytes> make_offers(const std::vector<MessageSpec>& specs, Windows& windows) const;
  /// Windows are memory of the host: what lies on a device is left to MPI.
  bool offered(const MessageSpec& spec) const {
    return !spec.sending && !spec.on_device && near_[spec.partner.index()];
  }
  void take_offers(const std::map<RankId, Bytes>& offers, const std::vector<MessageSpec>& specs,
                   Windows& windows) const;

  std::shared_ptr<Transport> far_;
  std::vector<bool> near_;        ///< by rank: it and this rank can map each other's memory
  std::uint64_t near_pairs_ = 0;  ///< ordered pairs of different ranks, in the whole job
  bool wanted_ = true;
};

/// Tries it out: everybody shares a little memory, and whoever says it is on the same node looks for it.
void SharedTransport::find_near(std::uint64_t node) {
  Bytes mine;
  const std::shared_ptr<SharedMemory> probe = SharedMemory::create(1);
  append(mine, node);
  append(mine, probe ? probe->handle() : MemoryHandle{});
  const std::vector<Bytes> all = far_->gather_all(mine);
  Bytes found;
  for (std::uint32_t r = 0; r < ranks(); ++r) {
    if (element<std::uint64_t>(all[r], 0) != node || !probe) continue;
    if (SharedMemory::find(element<MemoryHandle>(all[r], sizeof(std::uint64_t)))) append(found, r);
  }
  const std::vector<Bytes> found_by = far_->gather_all(found);
  const auto finds = [&](std::uint32_t who, std::uint32_t whom) {
    for (std::size_t at = 0; at < found_by[who].size(); at += sizeof whom)
      if (element<std::uint32_t>(found_by[who], at) == whom) return true;
    return false;
  };
  near_.resize(ranks());
  std::uint64_t pairs = 0;
  for (std::uint32_t r = 0; r < ranks(); ++r) {
    near_[r] = finds(rank().value, r) && finds(r, rank().value);
    pairs += near_[r] && r != rank().value;
  }
  near_pairs_ = far_->sum(pairs);
}

/// Makes the memory for what this rank receives from ranks nearby, and tells them where each channel lies.
std::map<RankId, Bytes> SharedTransport::make_offers(const std::vector<MessageSpec>& specs,
                                                     Windows& windows) const {
  std::uint64_t bytes = 0;
  for (const MessageSpec& spec : specs)
    if (offered(spec)) bytes += ChannelLayout(spec.bytes).bytes();
  if (bytes == 0) return {};
  windows.own = SharedMemory::create(bytes);
  windows.complete = windows.own != nullptr;
  if (!windows.own) return {};
  windows.memory.push_back(windows.own);
  std::map<RankId, Bytes> offers;
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const MessageSpec& spec = specs[i];
    if (!offered(spec)) continue;
    windows.channels[i] = windows.own->data() + offset;
    Bytes& offer = offers[spec.partner];
    if (offer.empty()) append(offer, windows.own->handle());
    append(offer, Offer{spec.tag, spec.bytes, offset});
    offset += ChannelLayout(spec.bytes).bytes();
  }
  return offers;
}

/// Finds the channels of this rank's sends.
void SharedTransport::take_offers(const std::map<RankId, Bytes>& offers,
                                  const std::vector<MessageSpec>& specs, Windows& windows) const {
  std::map<std::pair<RankId, std::uint64_t>, std::size_t> sends;
  for (std::size_t i = 0; i < specs.size(); ++i)
    if (specs[i].sending) sends[{specs[i].partner, specs[i].tag}] = i;
  for (const auto& [receiver, bytes] : offers) {
    const std::shared_ptr<SharedMemory> memory = SharedMemory::find(element<MemoryHandle>(bytes, 0));
    windows.complete &= memory != nullptr;
    if (!memory) continue;
    windows.memory.push_back(memory);
    for (std::size_t at = sizeof(MemoryHandle); at < bytes.size(); at += sizeof(Offer)) {
      const auto offer = element<Offer>(bytes, at);
      const auto send = sends.find({receiver, offer.tag});
      if (send == sends.end()) continue;
      if (specs[send->second].bytes != offer.bytes)
        usage_error("Rank {} sends {} bytes with tag {} to a receive of {} bytes on rank {}.", rank().value,
                    specs[send->second].bytes, offer.tag, offer.bytes, receiver.value);
      windows.channels[send->second] = memory->data() + offer.offset;
    }
  }
}

std::unique_ptr<Messages> SharedTransport::open(std::vector<MessageSpec> specs) {
  if (!wanted_) return far_->open(std::move(specs));
  check_specs(specs, ranks(), std::numeric_limits<std::int32_t>::max());
  Windows windows;
  windows.channels.resize(specs.size());
  take_offers(far_->exchange(make_offers(specs, windows)), specs, windows);

  enum Verdict : std::uint64_t { all_near, some_far, not_possible };
  const bool some = std::count(windows.channels.begin(), windows.channels.end(), nullptr) > 0;
  const std::uint64_t mine = !windows.complete ? not_possible : some ? some_far : all_near;
  const std::uint64_t verdict = far_->max(mine);  // and now everybody has found everybody's memory
  if (windows.own) windows.own->stop_sharing();
  if (verdict == not_possible) return far_->open(std::move(specs));
  auto near = std::make_unique<Window>(specs, windows.channels, std::move(windows.memory));
  if (verdict == all_near) return near;
  return std::make_unique<MixedMessages>(std::move(windows.channels), std::move(near),
                                         far_->open(std::move(specs)));
}

}  // namespace

std::uint64_t this_node() {
  std::string text;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> text;
  return std::hash<std::string>()(text + host_name());
}

std::shared_ptr<Transport> with_shared_memory(std::shared_ptr<Transport> transport, std::uint64_t node) {
  if (transport->ranks() == 1) return transport;
  auto shared = std::make_shared<SharedTransport>(transport, node);
  if (!shared->useful()) return transport;
  return shared;
}

}  // namespace tutti
