// The messages of one graph through shared memory: no lock, no system call and no MPI on their way.
//
// Every channel (sender, receiver, tag) lies in memory of its receiver: a line with the *credit*, then slots.
// A slot is a *sequence number* followed by the bytes of a message. Sends of a channel are numbered from 1;
// number k goes into slot (k - 1) mod slots, and bears k as its sequence number. The credit is the number of
// messages whose slots are free again, so send k may use its slot once k <= credit + slots.
//
// Memory order. One thread at a time writes a channel's slots, and one at a time reads them: a message is not
// started again before its completion was reported.
// - The sender writes the bytes, then the sequence number with release order. The receiver sees the number
//   with acquire order, then reads the bytes: they are the sender's.
// - The receiver reads the bytes, then writes the credit with release order. The sender sees the credit with
//   acquire order, then writes new bytes: no read of the old ones comes later.
// Numbers are compared for equality or by difference, so they may wrap around; slots are a power of two.
// Inside a rank, start() publishes what it wrote to the channel's record through `Posted::flag` or
// `Sent::blocked` (release), progress() or test() takes it from there (acquire) under `busy_`, and reports
// it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/comm/shared_memory.hpp"
#include "runtime/comm/transport.hpp"
#include "runtime/exec/memory_order.hpp"

namespace tutti {

/// How a channel for messages of `bytes` bytes lies in memory. Sender and receiver compute the same.
struct ChannelLayout {
  explicit ChannelLayout(std::uint64_t bytes);
  std::uint32_t slots = 0;           ///< 2 to 16
  std::uint64_t payload_offset = 0;  ///< of the bytes in their slot
  std::uint64_t slot_bytes = 0;
  std::uint64_t bytes() const { return cache_line_size_bytes + slots * slot_bytes; }
};

/// Keeps the contract of Messages. Of messages whose specs have a `place`, what arrived is read in its slot,
/// and large sends are packed there; small ones are copied there in one go with their number.
class Window : public Messages {
 public:
  /// `channels`: by message, where its channel lies, on a cache line, or null if it does not go through this
  /// window (and is never started). `memory` is what they lie in.
  Window(const std::vector<MessageSpec>& specs, const std::vector<std::byte*>& channels,
         std::vector<std::shared_ptr<SharedMemory>> memory);
  /// Waits for the sends that have not got a slot yet, but not for ever.
  ~Window() override;
  bool start(std::uint32_t index) override;
  bool progress(std::vector<std::uint32_t>& done) override;
  bool test(std::uint32_t index) override;

 private:
  using Number = std::atomic<std::uint32_t>;
  static_assert(Number::is_always_lock_free, "processes share them");

  /// This rank's side of a channel.
  struct alignas(cache_line_size_bytes) Side {
    std::byte* first_slot = nullptr;
    Number* credit = nullptr;
    std::byte* staging = nullptr;
    std::byte** place = nullptr;
    std::uint64_t bytes = 0;
    std::uint64_t slot_bytes = 0;
    std::uint32_t payload_offset = 0;
    std::uint32_t slots = 0;
    std::uint32_t position = 0;  ///< in posted_ or sent_
    bool sending = false;
    std::uint32_t count = 0;  ///< sends started, or messages received
    std::uint32_t room = 0;   ///< sends up to this number have a slot, as far as was seen

    std::byte* slot(std::uint32_t number) const { return first_slot + (number - 1) % slots * slot_bytes; }
    Number& sequence(std::uint32_t number) const { return *reinterpret_cast<Number*>(slot(number)); }
    std::byte* payload(std::uint32_t number) const { return slot(number) + payload_offset; }
  };
  /// A receive as those who look for it see it.
  struct Posted {
    std::atomic<const Number*> flag{nullptr};  ///< the sequence number to watch, or null if not posted
    Number awaited{0};
    std::uint32_t message = 0;

    /// A look without `busy_`: it may see a receive half posted, so a yes is only a reason to look again.
    bool is_here(std::memory_order order) const {
      const Number* number = flag.load(std::memory_order_acquire);
      return number && number->load(order) == awaited.load(std::memory_order_relaxed);
    }
  };
  struct Sent {
    std::atomic<bool> blocked{false};  ///< until there is a slot
    std::uint32_t message = 0;
  };

  bool start_send(Side& side, Sent& sent);
  void start_receive(Side& side, Posted& posted);
  static bool has_room(Side& side, std::uint32_t number);
  static bool advance(Side& side);
  static void accept(Side& side);
  bool take(Posted& posted);
  bool anything() const;
  void retry(std::vector<std::uint32_t>& done);

  std::vector<Side> sides_;  ///< by message
  std::vector<Posted> posted_;
  std::vector<Sent> sent_;
  std::vector<std::shared_ptr<SharedMemory>> memory_;
  std::atomic<std::uint32_t> blocked_{0};                         ///< of sent_
  alignas(cache_line_size_bytes) std::atomic<bool> busy_{false};  ///< a thread is in progress() or test()
};

}  // namespace tutti
