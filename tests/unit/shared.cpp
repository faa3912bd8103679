// Ranks that are threads of this process, with their messages through shared memory: what they write and read
// there is in sight of the thread sanitizer.
#include "runtime/comm/shared.hpp"

#include <array>
#include <functional>

#include "runtime/comm/window.hpp"
#include "tests/local_ranks.hpp"
#include "tests/ranks/transport_scenarios.hpp"

namespace tutti {
namespace {

/// Ranks of one node are neighbours: `per_node` of them.
void on_ranks(std::uint32_t ranks, std::uint32_t per_node, const std::function<void(Transport&)>& body) {
  test::on_local_ranks(
      ranks, [&](const auto& transport) { body(*transport); }, per_node);
}

/// Messages between the first and the last rank, with a place for the bytes: true if the transport moved it.
bool moves_staging(Transport& transport) {
  const std::uint32_t me = transport.rank().value;
  const std::uint32_t last = transport.ranks() - 1;
  std::byte staging{};
  std::byte* place = &staging;
  std::vector<MessageSpec> specs;
  if (me == 0 || me == last) specs.push_back({RankId(last - me), 0, &staging, 1, me == 0, &place});
  const std::unique_ptr<Messages> messages = transport.open(specs);
  if (!specs.empty()) {
    if (me == 0) *place = std::byte{42};
    bool complete = messages->start(0);
    std::vector<std::uint32_t> done;
    while (!complete) {
      messages->progress(done);
      complete = !done.empty();
    }
    EXPECT_TRUE(me == 0 || *place == std::byte{42});
  }
  return transport.max(std::uint64_t{place != &staging}) != 0;
}

TEST(SharedMemoryOf, ItsFinderSeesTheSameBytesUntilSharingStops) {
  const auto memory = SharedMemory::create(10000);
  ASSERT_TRUE(memory);
  for (std::size_t i = 0; i < 10000; ++i) ASSERT_EQ(memory->data()[i], std::byte{0});
  const auto found = SharedMemory::find(memory->handle());
  ASSERT_TRUE(found);
  found->data()[9999] = std::byte{7};
  EXPECT_EQ(memory->data()[9999], std::byte{7});
  MemoryHandle other = memory->handle();
  other.token += 2;  // memory of somebody who has the same numbers
  EXPECT_FALSE(SharedMemory::find(other));
  memory->stop_sharing();
  EXPECT_FALSE(SharedMemory::find(other));
}

TEST(ChannelLayouts, HoldAtLeastTwoMessagesAndAtMostTheSkew) {
  for (const std::uint64_t bytes : {0ULL, 1ULL, 48ULL, 49ULL, 4096ULL, 100'000ULL, 1ULL << 33}) {
    const ChannelLayout layout(bytes);
    EXPECT_GE(layout.slots, 2U);
    EXPECT_LE(layout.slots, 16U);
    EXPECT_EQ(layout.slots & (layout.slots - 1), 0U) << "numbers may wrap around";
    EXPECT_GE(layout.slot_bytes, layout.payload_offset + bytes);
    EXPECT_EQ(layout.slot_bytes % 64, 0U);
  }
  EXPECT_EQ(ChannelLayout(48).slot_bytes, 64U) << "a small message is one cache line";
}

TEST(SharedTransport, SaysHowMessagesTravel) {
  on_ranks(2, 2, [](Transport& transport) {
    EXPECT_NE(transport.description().find("messages through shared memory"), std::string::npos);
    EXPECT_TRUE(moves_staging(transport));
    transport.share_memory(false);
    EXPECT_EQ(transport.description().find("shared memory"), std::string::npos);
    EXPECT_FALSE(moves_staging(transport));
  });
  on_ranks(4, 2, [](Transport& transport) {
    EXPECT_NE(transport.description().find("messages within a node through shared memory"),
              std::string::npos);
    EXPECT_FALSE(moves_staging(transport));
  });
  on_ranks(2, 1, [](Transport& transport) {
    EXPECT_EQ(transport.description().find("shared memory"), std::string::npos);
  });
}

TEST(SharedTransport, MessagesKeepOrderAndContent) {
  for (const std::uint32_t ranks : {2, 3})
    on_ranks(ranks, ranks, [](Transport& transport) { scenarios::traffic(transport, 6, 100); });
}

TEST(SharedTransport, AGraphMayHavePartnersNearAndFar) {
  on_ranks(4, 2, [](Transport& transport) { scenarios::traffic(transport, 6, 30); });
  on_ranks(3, 2, [](Transport& transport) { scenarios::traffic(transport, 6, 30); });
}

TEST(SharedTransport, ASenderIsNeverFarAhead) { on_ranks(3, 3, scenarios::bounded_skew); }

TEST(SharedTransport, GraphsWithPostedReceivesMayGo) { on_ranks(2, 2, scenarios::destruction); }

TEST(SharedTransport, WhatWasSentArrivesAfterItsSenderHasGone) { on_ranks(2, 2, scenarios::farewells); }

TEST(SharedTransport, ManyGraphsAreOpen) {
  on_ranks(3, 3, [](Transport& transport) { scenarios::many_graphs(transport, 20); });
}

TEST(SharedTransport, BadMessagesAreRefused) { on_ranks(2, 2, scenarios::refusals); }

TEST(SharedTransport, AMessageMustHaveTheSizeOfItsReceive) {
  on_ranks(2, 2, [](Transport& transport) {
    std::array<std::byte, 8> staging{};
    const std::uint32_t me = transport.rank().value;
    const std::vector<MessageSpec> specs{{RankId(1 - me), 0, staging.data(), 4 + 4 * me, me == 0}};
    if (me == 0)
      EXPECT_THROW(transport.open(specs), Error);
    else
      transport.open(specs);
    if (me == 0) transport.max(std::uint64_t{0});  // what the other rank waits for
  });
}

}  // namespace
}  // namespace tutti
