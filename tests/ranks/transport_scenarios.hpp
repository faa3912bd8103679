// What every transport must do, as functions of one rank: the local transport and MPI run the same.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/comm/transport.hpp"
#include "runtime/error.hpp"

namespace tutti::scenarios {

inline Bytes pattern(std::uint64_t seed, std::size_t size) {
  Bytes bytes(size);
  std::minstd_rand random(static_cast<std::uint32_t>(seed * 2654435761U + 1));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() >> 8);
  return bytes;
}

inline void collectives(Transport& transport) {
  const std::uint64_t me = transport.rank().value;
  const std::uint64_t ranks = transport.ranks();
  ASSERT_LT(me, ranks);
  EXPECT_GE(transport.ranks_on_node(), 1U);
  EXPECT_LE(transport.ranks_on_node(), ranks);
  EXPECT_FALSE(transport.description().empty());
  for (std::uint64_t round = 0; round < 50; ++round) {
    transport.barrier();
    EXPECT_EQ(transport.max(me + round), ranks - 1 + round);
    EXPECT_EQ(transport.min(me + round), round);
    EXPECT_EQ(transport.sum(me), ranks * (ranks - 1) / 2);
    EXPECT_EQ(transport.sum(~std::uint64_t{0}), std::uint64_t{0} - ranks);  // modulo 2^64
    EXPECT_EQ(transport.max(-1.5 - static_cast<double>(me)), -1.5);
    const std::vector<Bytes> all = transport.gather_all(pattern(me + round, (me + round) % 5 * 100));
    ASSERT_EQ(all.size(), ranks);
    for (std::uint64_t r = 0; r < ranks; ++r) EXPECT_EQ(all[r], pattern(r + round, (r + round) % 5 * 100));
  }
}

/// Back to back and without barriers, so that a fast rank is already in the next one.
inline void exchanges(Transport& transport, std::uint32_t rounds) {
  std::mt19937 random(7);  // the same numbers on every rank
  for (std::uint32_t round = 0; round < rounds; ++round) {
    std::map<RankId, Bytes> outgoing;
    std::map<RankId, Bytes> expected;
    for (std::uint32_t from = 0; from < transport.ranks(); ++from) {
      for (std::uint32_t to = 0; to < transport.ranks(); ++to) {
        const std::size_t size = random() % 10 == 0 ? 100'000 : random() % 300;
        const bool partners = random() % 3 == 0;
        if (!partners) continue;
        const Bytes bytes = pattern(round + 1000ULL * from + 7777ULL * to, size);
        if (RankId(from) == transport.rank()) outgoing[RankId(to)] = bytes;
        if (RankId(to) == transport.rank()) expected[RankId(from)] = bytes;
      }
    }
    EXPECT_EQ(transport.exchange(outgoing), expected) << "round " << round;
  }
}

/// One graph in which every rank sends `steps` messages of different sizes through `channels` channels to
/// every rank, itself included. Whoever gets a completion, by progress() or test(), checks it and starts the
/// message again. In place: the transport may put its own memory for the staging.
class Traffic {
 public:
  Traffic(Transport& transport, std::uint32_t channels, std::uint32_t steps, std::uint64_t seed,
          bool in_place)
      : rank_(transport.rank()), steps_(steps), seed_(seed) {
    for (std::uint32_t partner = 0; partner < transport.ranks(); ++partner) {
      for (std::uint32_t tag = 0; tag < channels; ++tag) {
        for (const bool sending : {true, false}) {
          specs_.push_back({RankId(partner), tag, nullptr, size_of(tag), sending});
        }
      }
    }
    for (const MessageSpec& spec : specs_) places_.push_back(staging_.emplace_back(spec.bytes).data());
    for (std::size_t i = 0; i < specs_.size(); ++i) {
      specs_[i].staging = places_[i];
      if (in_place) specs_[i].place = &places_[i];
    }
    turns_.resize(specs_.size());
    open_ = specs_.size();
    messages_ = transport.open(specs_);
  }

  void start_share(std::size_t first, std::size_t stride) {
    for (std::size_t index = first; index < specs_.size(); index += stride)
      if (start(index)) finish(index);
  }
  /// Any number of threads; returns when all messages of this rank have made all their steps.
  void work() {
    std::vector<std::uint32_t> done;
    std::uint32_t tested = 0;
    while (open_.load() > 0) {
      done.clear();
      do tested = (tested + 1) % static_cast<std::uint32_t>(specs_.size());
      while (specs_[tested].sending);
      if (messages_->test(tested)) done.push_back(tested);
      if (done.empty() || tested % 3 == 0) messages_->progress(done);
      if (done.empty()) std::this_thread::yield();
      for (const std::uint32_t index : done) finish(index);
    }
  }
  std::uint64_t total() const { return specs_.size() * std::uint64_t{steps_}; }
  std::uint64_t finished() const { return finished_.load(); }

 private:
  static std::uint64_t size_of(std::uint32_t tag) {
    constexpr std::uint64_t sizes[] = {0, 1, 8, 300, 5000, 70'000};
    return sizes[tag % 6];
  }
  Bytes content(const MessageSpec& spec, std::uint32_t turn) const {
    const RankId from = spec.sending ? rank_ : spec.partner;
    const RankId to = spec.sending ? spec.partner : rank_;
    return pattern(seed_ + turn + 31ULL * spec.tag + 1009ULL * from.value + 9176ULL * to.value, spec.bytes);
  }
  /// True if it is complete.
  bool start(std::size_t index) {
    if (specs_[index].sending) {
      const Bytes bytes = content(specs_[index], turns_[index]);
      std::copy(bytes.begin(), bytes.end(), places_[index]);
    }
    return messages_->start(static_cast<std::uint32_t>(index));
  }
  void finish(std::size_t index) {
    const MessageSpec& spec = specs_[index];
    do {
      if (!spec.sending) {
        const Bytes expected = content(spec, turns_[index]);
        EXPECT_TRUE(std::equal(expected.begin(), expected.end(), places_[index]))
            << "from rank " << spec.partner.value << ", tag " << spec.tag << ", step " << turns_[index];
      }
      ++finished_;
      if (++turns_[index] == steps_) {
        --open_;
        return;
      }
    } while (start(index));
  }

  RankId rank_;
  std::uint32_t steps_;
  std::uint64_t seed_;
  std::vector<MessageSpec> specs_;
  std::vector<Bytes> staging_;
  std::vector<std::byte*> places_;  ///< by message: where its bytes are
  std::vector<std::uint32_t>
      turns_;  ///< by message: completed steps; written by whoever holds its completion
  std::atomic<std::size_t> open_{0};
  std::atomic<std::uint64_t> finished_{0};
  std::unique_ptr<Messages> messages_;  ///< last: gone before the staging
};

/// Two graphs open at once, each started and driven by several threads.
inline void traffic(Transport& transport, std::uint32_t channels, std::uint32_t steps) {
  Traffic first(transport, channels, steps, 1, true);
  Traffic second(transport, channels, steps, 500'000, false);
  constexpr std::size_t threads = 3;
  std::vector<std::thread> team;
  for (std::size_t t = 0; t < threads; ++t) {
    team.emplace_back([&, t] {
      first.start_share(t, threads);
      second.start_share(t, threads);
      (t % 2 == 0 ? first : second).work();
      (t % 2 == 0 ? second : first).work();
    });
  }
  for (std::thread& thread : team) thread.join();
  EXPECT_EQ(first.finished(), first.total());
  EXPECT_EQ(second.finished(), second.total());
}

/// Starts message 0 and waits until it is complete, again and again: `times` times, or until nothing comes
/// for a while. Returns how often it was complete.
inline std::uint32_t repeat(Messages& messages, std::uint32_t times, std::chrono::milliseconds patience) {
  std::vector<std::uint32_t> done;
  for (std::uint32_t completed = 0; completed < times; ++completed) {
    const auto limit = std::chrono::steady_clock::now() + patience;
    done.clear();
    for (bool complete = messages.start(0); !complete; complete = !done.empty()) {
      if (std::chrono::steady_clock::now() > limit) return completed;
      messages.progress(done);
      std::this_thread::yield();
    }
  }
  return times;
}

/// A sender whose receiver does nothing comes to rest after 64 messages at most, and goes on afterwards.
inline void bounded_skew(Transport& transport) {
  if (transport.ranks() < 2) return;
  const std::uint32_t me = transport.rank().value;
  std::vector<std::byte> staging(64);
  std::vector<MessageSpec> specs;
  if (me < 2) specs.push_back({RankId(1 - me), 0, staging.data(), staging.size(), me == 0});
  const std::unique_ptr<Messages> messages = transport.open(specs);
  constexpr std::uint32_t times = 200;
  std::uint32_t sent = 0;
  if (me == 0) {
    sent = repeat(*messages, times, std::chrono::milliseconds(100));
    EXPECT_LE(sent, 64U);
    EXPECT_GE(sent, 15U);
  }
  sent = static_cast<std::uint32_t>(transport.max(std::uint64_t{sent}));
  if (me == 1) {
    EXPECT_EQ(repeat(*messages, sent + 1, std::chrono::seconds(20)), sent + 1);
  } else if (me == 0) {
    std::vector<std::uint32_t> done;
    while (done.empty()) messages->progress(done);
  }
}

/// A graph may go while its receives are posted; the next one gets none of what was meant for it.
inline void destruction(Transport& transport) {
  for (std::uint32_t round = 0; round < 5; ++round) {
    std::vector<std::byte> staging(1000);
    std::vector<MessageSpec> specs;
    for (std::uint32_t partner = 0; partner < transport.ranks(); ++partner) {
      specs.push_back({RankId(partner), 0, staging.data(), staging.size(), false});
    }
    std::unique_ptr<Messages> messages = transport.open(specs);
    std::vector<std::uint32_t> done;
    for (std::uint32_t index = 0; index < specs.size(); ++index) messages->start(index);
    messages->progress(done);
    EXPECT_TRUE(done.empty());
  }
  traffic(transport, 2, 20);
}

/// The messages of a graph reach their receiver also if the sender's graph is gone by then.
inline void farewells(Transport& transport) {
  constexpr std::uint32_t sizes[] = {0, 8, 5000, 300'000};
  const std::uint32_t me = transport.rank().value;
  const RankId partner(me ^ 1U);
  if (partner.value >= transport.ranks()) {
    transport.open({});
    return;
  }
  std::vector<Bytes> staging;
  std::vector<MessageSpec> specs;
  for (std::uint32_t tag = 0; tag < 4; ++tag) {
    staging.push_back(me % 2 == 0 ? pattern(tag, sizes[tag]) : Bytes(sizes[tag]));
    specs.push_back({partner, tag, staging.back().data(), sizes[tag], me % 2 == 0});
  }
  std::unique_ptr<Messages> messages = transport.open(specs);
  if (me % 2 == 1) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  for (std::uint32_t index = 0; index < 4; ++index) messages->start(index);
  if (me % 2 == 0) {
    messages.reset();
    for (Bytes& bytes : staging) std::fill(bytes.begin(), bytes.end(), std::byte{0xee});
    return;
  }
  std::vector<std::uint32_t> done;
  while (done.size() < 4) messages->progress(done);
  for (std::uint32_t tag = 0; tag < 4; ++tag) EXPECT_EQ(staging[tag], pattern(tag, sizes[tag]));
}

/// Many graphs are open at once; each rank closes them in an order of its own.
inline void many_graphs(Transport& transport, std::uint32_t graphs) {
  std::vector<std::unique_ptr<Traffic>> open;
  for (std::uint32_t g = 0; g < graphs; ++g)
    open.push_back(std::make_unique<Traffic>(transport, 4, 3, 1000 * g, g % 2 == 0));
  for (const auto& graph : open) graph->start_share(0, 1);
  for (const auto& graph : open) graph->work();
  std::shuffle(open.begin(), open.end(), std::mt19937(transport.rank().value));
  while (!open.empty()) open.pop_back();
}

/// Bad messages are refused by name, before anything is opened.
inline void refusals(Transport& transport) {
  std::byte staging{};
  const RankId here = transport.rank();
  EXPECT_THROW(transport.open({{RankId(transport.ranks()), 0, &staging, 1, true}}), Error);
  EXPECT_THROW(transport.open({{here, 0xFFFFFFFF, &staging, 1, true}}), Error);
  EXPECT_THROW(transport.open({{here, 0, nullptr, 1, false}}), Error);
  EXPECT_THROW(transport.open({{here, 3, &staging, 1, true}, {here, 3, &staging, 1, true}}), Error);
  EXPECT_THROW(transport.exchange({{RankId(transport.ranks()), Bytes(3)}}), Error);
  transport.barrier();
}

}  // namespace tutti::scenarios
