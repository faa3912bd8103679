// Time of messages between two ranks, medians of interleaved repeats, all in one job:
//   mpirun -n 2 message_bench [--repeat 51] [--rounds 1000]
// For each size: half a round trip, and the time per message when one rank sends through 8 channels as fast
// as the other takes (each channel has one message under way). `raw MPI` is MPI_Isend and MPI_Irecv, posted
// ahead and tested; the others are Messages as graphs use them: through MPI, through shared memory with a
// copy, and packed in place. Then what a look at posted receives costs when nothing arrives, by number of
// channels.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <mpi.h>

#include "runtime/comm/transport.hpp"

namespace {

using namespace tutti;

constexpr std::uint32_t channels = 8;

double now_ns() {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return (v[v.size() / 2] + v[(v.size() - 1) / 2]) / 2;
}

/// What the compared ways have in common: message `tag` of `bytes` bytes to and from the other rank. A send
/// is packed from an array and what arrived is unpacked into one, as graphs do.
struct Way {
  explicit Way(std::size_t bytes) : from(bytes), to(bytes) {}
  virtual ~Way() = default;
  virtual void post(std::uint32_t tag) = 0;
  virtual void send(std::uint32_t tag) = 0;
  /// Counts the sends and receives that completed, by tag.
  virtual void look() = 0;
  void pack(std::byte* at) { std::memcpy(at, from.data(), from.size()); }
  void unpack(const std::byte* at) { std::memcpy(to.data(), at, to.size()); }
  Bytes from;
  Bytes to;
  std::vector<std::uint32_t> sent = std::vector<std::uint32_t>(channels);
  std::vector<std::uint32_t> received = std::vector<std::uint32_t>(channels);
};

class RawMpi : public Way {
 public:
  explicit RawMpi(std::size_t bytes) : Way(bytes), out_(channels, Bytes(bytes)), in_(out_) {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  }
  void post(std::uint32_t tag) override {
    MPI_Irecv(in_[tag].data(), static_cast<int>(in_[tag].size()), MPI_BYTE, 1 - rank_, static_cast<int>(tag),
              MPI_COMM_WORLD, add(tag, false));
  }
  void send(std::uint32_t tag) override {
    pack(out_[tag].data());
    MPI_Isend(out_[tag].data(), static_cast<int>(out_[tag].size()), MPI_BYTE, 1 - rank_,
              static_cast<int>(tag), MPI_COMM_WORLD, add(tag, true));
  }
  void look() override {
    int count = 0;
    int done[2 * channels];
    if (requests_.empty()) return;
    if (requests_.size() == 1) {
      MPI_Test(requests_.data(), &count, MPI_STATUS_IGNORE);
      done[0] = 0;
    } else {
      MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &count, done, MPI_STATUSES_IGNORE);
    }
    std::sort(done, done + std::max(0, count), std::greater<>());
    for (int i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(done[i]);
      const auto [tag, sending] = kinds_[at];
      if (!sending) unpack(in_[tag].data());
      ++(sending ? sent : received)[tag];
      requests_[at] = requests_.back();
      kinds_[at] = kinds_.back();
      requests_.pop_back();
      kinds_.pop_back();
    }
  }

 private:
  MPI_Request* add(std::uint32_t tag, bool sending) {
    kinds_.emplace_back(tag, sending);
    return &requests_.emplace_back(MPI_REQUEST_NULL);
  }
  int rank_ = 0;
  std::vector<Bytes> out_;
  std::vector<Bytes> in_;
  std::vector<MPI_Request> requests_;
  std::vector<std::pair<std::uint32_t, bool>> kinds_;
};

class OverMessages : public Way {
 public:
  OverMessages(Transport& transport, std::size_t bytes, bool shared, bool in_place,
               std::uint32_t tags = channels)
      : Way(bytes), buffers_(2 * tags, Bytes(bytes)), places_(2 * tags), tags_(tags) {
    sent.resize(tags);
    received.resize(tags);
    std::vector<MessageSpec> specs;
    for (std::uint32_t i = 0; i < 2 * tags; ++i) {
      places_[i] = buffers_[i].data();
      specs.push_back({RankId(1 - transport.rank().value), i % tags, places_[i], bytes, i < tags,
                       in_place ? &places_[i] : nullptr});
    }
    transport.share_memory(shared);
    messages_ = transport.open(specs);
    done_.reserve(specs.size());
  }
  void post(std::uint32_t tag) override { messages_->start(tags_ + tag); }
  void send(std::uint32_t tag) override {
    pack(places_[tag]);
    sent[tag] += messages_->start(tag);
  }
  void look() override {
    done_.clear();
    messages_->progress(done_);
    for (const std::uint32_t i : done_) {
      if (i >= tags_) unpack(places_[i]);
      ++(i < tags_ ? sent : received)[i % tags_];
    }
  }

 private:
  std::vector<Bytes> buffers_;
  std::vector<std::byte*> places_;
  std::uint32_t tags_;
  std::vector<std::uint32_t> done_;
  std::unique_ptr<Messages> messages_;
};

double half_round_trip_ns(Transport& transport, Way& way, std::uint32_t rounds) {
  const bool first = transport.rank().value == 0;
  const std::uint32_t sent_before = way.sent[0];
  std::uint32_t received = way.received[0];
  way.post(0);
  transport.barrier();
  const double begin = now_ns();
  for (std::uint32_t i = 0; i < rounds; ++i) {
    const auto receive = [&] {
      while (way.received[0] == received) way.look();
      received = way.received[0];
      if (i + 1 < rounds) way.post(0);
    };
    if (!first) receive();
    while (way.sent[0] != sent_before + i) way.look();
    way.send(0);
    if (first) receive();
  }
  const double elapsed = now_ns() - begin;
  while (way.sent[0] != sent_before + rounds) way.look();
  return transport.max(elapsed) / (2.0 * rounds);
}

double message_ns(Transport& transport, Way& way, std::uint32_t rounds) {
  const bool sends = transport.rank().value == 0;
  std::vector<std::uint32_t>& counts = sends ? way.sent : way.received;
  const std::vector<std::uint32_t> before = counts;
  std::vector<std::uint32_t> started(channels, 1);
  const auto start = [&](std::uint32_t tag) { sends ? way.send(tag) : way.post(tag); };
  transport.barrier();
  const double begin = now_ns();
  for (std::uint32_t tag = 0; tag < channels; ++tag) start(tag);
  for (std::uint32_t open = channels; open > 0;) {
    way.look();
    for (std::uint32_t tag = 0; tag < channels; ++tag) {
      if (counts[tag] - before[tag] != started[tag]) continue;
      if (started[tag] == rounds) {
        ++started[tag];
        --open;
      } else if (started[tag] < rounds) {
        ++started[tag];
        start(tag);
      }
    }
  }
  return transport.max(now_ns() - begin) / (1.0 * rounds * channels);
}

double idle_look_ns(Transport& transport, bool shared, std::uint32_t tags) {
  OverMessages way(transport, 64, shared, false, tags);
  for (std::uint32_t tag = 0; tag < tags; ++tag) way.post(tag);
  transport.barrier();
  constexpr int looks = 20000;
  double best = 1e9;
  for (int repeat = 0; repeat < 9; ++repeat) {
    const double begin = now_ns();
    for (int i = 0; i < looks; ++i) way.look();
    best = std::min(best, (now_ns() - begin) / looks);
  }
  transport.barrier();
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  const std::shared_ptr<Transport> transport = make_transport(argc, argv);
  std::uint32_t repeats = 51;
  std::uint32_t rounds = 1000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const auto value = static_cast<std::uint32_t>(std::stoul(argv[i + 1]));
    if (std::string(argv[i]) == "--repeat") repeats = value;
    if (std::string(argv[i]) == "--rounds") rounds = value;
  }
  if (transport->ranks() != 2) {
    std::fprintf(stderr, "message_bench needs 2 ranks\n");
    return 2;
  }
  const bool speaks = transport->rank().value == 0;
  const char* names[] = {"raw MPI", "Messages, MPI", "shared, copied", "shared, in place"};
  if (speaks) {
    std::printf("%s\n%-8s", transport->description().c_str(), "bytes");
    for (const char* name : names) std::printf("%18s", name);
    std::printf("   (half a round trip / time per message, ns)\n");
  }
  for (const std::size_t bytes : {8, 48, 64, 256, 1024, 4096, 32768, 262144}) {
    std::vector<std::unique_ptr<Way>> ways;
    ways.push_back(std::make_unique<RawMpi>(bytes));
    ways.push_back(std::make_unique<OverMessages>(*transport, bytes, false, false));
    ways.push_back(std::make_unique<OverMessages>(*transport, bytes, true, false));
    ways.push_back(std::make_unique<OverMessages>(*transport, bytes, true, true));
    std::vector<std::vector<double>> trips(ways.size());
    std::vector<std::vector<double>> rates(ways.size());
    const auto n = std::max<std::uint32_t>(20, bytes <= 4096 ? rounds : rounds / 20);
    for (std::uint32_t r = 0; r < repeats + 1; ++r) {
      for (std::size_t w = 0; w < ways.size(); ++w) {
        const double trip = half_round_trip_ns(*transport, *ways[w], n);
        const double rate = message_ns(*transport, *ways[w], n / channels + 1);
        if (r == 0) continue;  // warm-up
        trips[w].push_back(trip);
        rates[w].push_back(rate);
      }
    }
    if (!speaks) continue;
    std::printf("%-8zu", bytes);
    for (std::size_t w = 0; w < ways.size(); ++w)
      std::printf("%8.0f /%8.0f", median(trips[w]), median(rates[w]));
    std::printf("\n");
  }
  for (const std::uint32_t tags : {1U, 2U, 8U, 64U}) {
    const double mpi = idle_look_ns(*transport, false, tags);
    const double shared = idle_look_ns(*transport, true, tags);
    if (speaks)
      std::printf("a look at %2u posted receives: %.1f ns through MPI, %.1f ns through shared memory\n", tags,
                  mpi, shared);
  }
  return 0;
}
