#include "runtime/comm/window.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <exception>
#include <thread>

#include "runtime/comm/specs.hpp"

namespace tutti {
namespace {

constexpr std::uint64_t line = cache_line_size_bytes;
constexpr std::uint64_t small_channel_bytes = 64 * 1024;  // as many slots as fit into so much
constexpr std::uint64_t most_slots = 16;
static_assert(most_slots <= bounded_skew);
constexpr std::uint64_t aligned_from_bytes = 2048;  // the payload starts on a line of its own

constexpr std::uint64_t in_lines(std::uint64_t bytes) { return (bytes + line - 1) / line * line; }

}  // namespace

ChannelLayout::ChannelLayout(std::uint64_t bytes)
    : payload_offset(bytes < aligned_from_bytes ? 16 : line), slot_bytes(in_lines(payload_offset + bytes)) {
  const std::uint64_t fitting = std::clamp<std::uint64_t>(small_channel_bytes / slot_bytes, 2, most_slots);
  slots = static_cast<std::uint32_t>(std::bit_floor(fitting));
}

Window::Window(const std::vector<MessageSpec>& specs, const std::vector<std::byte*>& channels,
               std::vector<std::shared_ptr<SharedMemory>> memory)
    : sides_(specs.size()), memory_(std::move(memory)) {
  const auto count = [&](bool sending) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < specs.size(); ++i) n += channels[i] && specs[i].sending == sending;
    return n;
  };
  sent_ = std::vector<Sent>(count(true));
  posted_ = std::vector<Posted>(count(false));
  std::uint32_t sends = 0;
  std::uint32_t receives = 0;
  for (std::uint32_t i = 0; i < specs.size(); ++i) {
    if (!channels[i]) continue;
    const MessageSpec& spec = specs[i];
    const ChannelLayout layout(spec.bytes);
    Side& side = sides_[i];
    side.credit = reinterpret_cast<Number*>(channels[i]);
    side.first_slot = channels[i] + line;
    side.staging = spec.staging;
    // Packed in place, a small message would share its line with the sequence number for which the receiver
    // looks again and again: the line would travel for the bytes, and once more for the number.
    const bool copied = spec.sending && layout.payload_offset < line;
    side.place = copied ? nullptr : spec.place;
    side.bytes = spec.bytes;
    side.slot_bytes = layout.slot_bytes;
    side.payload_offset = static_cast<std::uint32_t>(layout.payload_offset);
    side.slots = side.room = layout.slots;
    side.sending = spec.sending;
    side.position = spec.sending ? sends : receives;
    if (spec.sending) {
      sent_[sends++].message = i;
      if (side.place) *side.place = side.payload(1);
    } else {
      posted_[receives++].message = i;
    }
  }
}

Window::~Window() {
  const auto limit = std::chrono::steady_clock::now() + farewell;
  for (Sent& sent : sent_) {
    Side& side = sides_[sent.message];
    if (side.place || !sent.blocked.load(std::memory_order_acquire)) continue;
    while (!advance(side) && std::uncaught_exceptions() == 0 && std::chrono::steady_clock::now() < limit)
      std::this_thread::yield();
  }
}

bool Window::start(std::uint32_t index) {
  Side& side = sides_[index];
  if (side.sending) return start_send(side, sent_[side.position]);
  start_receive(side, posted_[side.position]);
  return false;
}

bool Window::start_send(Side& side, Sent& sent) {
  ++side.count;
  if (side.place) side.sequence(side.count).store(side.count, std::memory_order_release);
  if (advance(side)) return true;
  sent.blocked.store(true, std::memory_order_release);
  blocked_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

/// Completes the send that was started last if there is a slot: for its own bytes, or for those of the next
/// send where they are packed in place.
bool Window::advance(Side& side) {
  if (side.place) {
    if (!has_room(side, side.count + 1)) return false;
    *side.place = side.payload(side.count + 1);
    return true;
  }
  if (!has_room(side, side.count)) return false;
  if (side.bytes > 0) std::memcpy(side.payload(side.count), side.staging, side.bytes);
  side.sequence(side.count).store(side.count, std::memory_order_release);
  return true;
}

bool Window::has_room(Side& side, std::uint32_t number) {
  const auto enough = [&] { return static_cast<std::int32_t>(side.room - number) >= 0; };
  if (enough()) return true;  // without a look at the receiver's line
  side.room = side.credit->load(std::memory_order_acquire) + side.slots;
  return enough();
}

void Window::start_receive(Side& side, Posted& posted) {
  if (side.place) side.credit->store(side.count, std::memory_order_release);  // what it held has been read
  posted.awaited.store(side.count + 1, std::memory_order_relaxed);
  posted.flag.store(&side.sequence(side.count + 1), std::memory_order_release);
}

/// Takes in the message that has arrived.
void Window::accept(Side& side) {
  ++side.count;
  if (side.place) {
    *side.place = side.payload(side.count);
    return;
  }
  if (side.bytes > 0) std::memcpy(side.staging, side.payload(side.count), side.bytes);
  side.credit->store(side.count, std::memory_order_release);
}

/// True if it has arrived and was taken in. Under busy_.
bool Window::take(Posted& posted) {
  if (!posted.is_here(std::memory_order_acquire)) return false;
  posted.flag.store(nullptr, std::memory_order_relaxed);
  accept(sides_[posted.message]);
  return true;
}

bool Window::anything() const {
  return blocked_.load(std::memory_order_relaxed) != 0 ||
         std::any_of(posted_.begin(), posted_.end(),
                     [](const Posted& posted) { return posted.is_here(std::memory_order_relaxed); });
}

bool Window::progress(std::vector<std::uint32_t>& done) {
  if (!anything()) return true;
  if (busy_.exchange(true, std::memory_order_acquire)) return false;
  for (Posted& posted : posted_)
    if (take(posted)) done.push_back(posted.message);
  if (blocked_.load(std::memory_order_relaxed) != 0) retry(done);
  busy_.store(false, std::memory_order_release);
  return true;
}

bool Window::test(std::uint32_t index) {
  Posted& posted = posted_[sides_[index].position];
  if (!posted.is_here(std::memory_order_relaxed)) return false;
  if (busy_.exchange(true, std::memory_order_acquire)) return false;
  const bool taken = take(posted);
  busy_.store(false, std::memory_order_release);
  return taken;
}

void Window::retry(std::vector<std::uint32_t>& done) {
  for (Sent& sent : sent_) {
    if (!sent.blocked.load(std::memory_order_acquire) || !advance(sides_[sent.message])) continue;
    sent.blocked.store(false, std::memory_order_relaxed);
    blocked_.fetch_sub(1, std::memory_order_relaxed);
    done.push_back(sent.message);
  }
}

}  // namespace tutti
