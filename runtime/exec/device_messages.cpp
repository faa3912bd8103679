#include "runtime/exec/device_messages.hpp"

#include <cstring>
#include <set>
#include <thread>
#include <tuple>

namespace tutti {
namespace {

// Short ones and long ones take different ways through an MPI.
constexpr std::uint64_t pattern_bytes[] = {64, std::uint64_t{4} << 20};

void copy(Device& device, const void* from, void* to, std::uint64_t bytes, Direction direction,
          StreamId stream) {
  StridedCopy c;
  c.from = static_cast<const std::byte*>(from);
  c.to = static_cast<std::byte*>(to);
  c.row_bytes = bytes;
  device.copy(c, direction, stream);
}

Bytes pattern_of(std::uint32_t rank, std::uint64_t bytes) {
  Bytes pattern(bytes);
  std::uint32_t state = 2654435761U * (rank + 1);
  for (std::byte& b : pattern) b = static_cast<std::byte>((state = 1664525U * state + 1013904223U) >> 24);
  return pattern;
}

/// The patterns on the device, on their way from each rank to the next one.
class Trial {
 public:
  Trial(Transport& transport, Device& device, StreamId stream) : device_(device), stream_(stream) {
    const std::uint32_t me = transport.rank().value, n = transport.ranks();
    const RankId next{(me + 1) % n}, before{(me + n - 1) % n};
    std::uint32_t tag = 0;
    for (const std::uint64_t bytes : pattern_bytes) {
      const Bytes mine = pattern_of(me, bytes), nothing(bytes);
      expected_.push_back(pattern_of(before.value, bytes));
      for (const bool sending : {true, false}) {
        std::byte* memory = device.allocate_for_messages(bytes, "a message between devices");
        copy(device, (sending ? mine : nothing).data(), memory, bytes, Direction::to_device, stream);
        specs_.push_back({sending ? next : before, tag, memory, bytes, sending, nullptr, true});
      }
      device.synchronize();
      ++tag;
    }
  }

  /// False if they were not there in time.
  bool travel(Transport& transport, std::chrono::milliseconds limit) {
    const std::unique_ptr<Messages> messages = transport.open(specs_);
    const auto end = std::chrono::steady_clock::now() + limit;
    std::vector<std::uint32_t> done;
    for (std::uint32_t m = 0; m < specs_.size(); ++m)
      if (messages->start(m)) done.push_back(m);
    while (done.size() < specs_.size() && std::chrono::steady_clock::now() < end) {
      messages->progress(done);
      std::this_thread::yield();
    }
    return done.size() == specs_.size();
  }

  bool arrived_unchanged() {
    bool same = true;
    for (std::size_t i = 0; i < expected_.size(); ++i) {
      Bytes arrived(expected_[i].size());
      copy(device_, specs_[2 * i + 1].staging, arrived.data(), arrived.size(), Direction::to_host, stream_);
      device_.synchronize();
      same &= arrived == expected_[i];
    }
    return same;
  }

  void free_memory() {
    for (const MessageSpec& spec : specs_) device_.free(spec.staging);
  }

 private:
  Device& device_;
  StreamId stream_;
  std::vector<MessageSpec> specs_;
  std::vector<Bytes> expected_;
};

MessagePath pinned(const std::string& why) { return {false, "pinned host memory (" + why + ")"}; }

}  // namespace

MessagePath find_message_path(Transport& transport, Device& device, StreamId stream,
                              std::chrono::milliseconds limit) {
  if (transport.ranks() == 1) return {false, "none"};
  const std::string refusal = device.host_can_reach() ? "" : transport.refuses_device_memory();
  if (transport.max(std::uint64_t{!refusal.empty()}) != 0)
    return pinned(refusal.empty() ? "another rank refuses device memory" : refusal);

  Trial trial(transport, device, stream);
  enum Outcome : std::uint64_t { well, changed, late };
  const bool in_time = trial.travel(transport, limit);
  const std::uint64_t mine = !in_time ? late : trial.arrived_unchanged() ? well : changed;
  const std::uint64_t worst = transport.max(mine);
  if (worst == late)
    return pinned("a trial with device memory did not end in time");  // it may still be in use
  trial.free_memory();
  if (worst == changed) return pinned("a trial with device memory brought other bytes");
  return {true, "device memory"};
}

std::vector<bool> on_device_at_both_ends(const Plan& plan, const std::vector<bool>& on_device,
                                         Transport& transport) {
  std::map<RankId, Bytes> mine;
  const auto key = [](const MessageSpec& spec, bool sending) {
    return std::uint64_t{spec.tag} * 2 + (sending ? 1 : 0);
  };
  for (std::size_t m = 0; m < on_device.size(); ++m) {
    if (!on_device[m]) continue;
    const MessageSpec& spec = plan.messages[m].spec;
    const std::uint64_t word = key(spec, spec.sending);
    Bytes& bytes = mine[spec.partner];
    bytes.resize(bytes.size() + sizeof word);
    std::memcpy(bytes.data() + bytes.size() - sizeof word, &word, sizeof word);
  }
  std::set<std::pair<RankId, std::uint64_t>> theirs;
  for (const auto& [partner, bytes] : transport.exchange(mine))
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + at, sizeof word);
      theirs.emplace(partner, word);
    }
  std::vector<bool> both(on_device.size());
  for (std::size_t m = 0; m < both.size(); ++m) {
    const MessageSpec& spec = plan.messages[m].spec;
    both[m] = on_device[m] && theirs.contains({spec.partner, key(spec, !spec.sending)});
  }
  return both;
}

}  // namespace tutti
