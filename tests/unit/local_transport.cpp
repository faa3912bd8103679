#include <array>
#include <functional>

#include "tests/local_ranks.hpp"
#include "tests/ranks/transport_scenarios.hpp"

namespace tutti {
namespace {

void on_ranks(std::uint32_t ranks, const std::function<void(Transport&)>& body) {
  test::on_local_ranks(ranks, [&](const auto& transport) { body(*transport); });
}

TEST(LocalTransport, CollectivesAgree) {
  for (const std::uint32_t ranks : {1, 2, 5}) on_ranks(ranks, scenarios::collectives);
}

TEST(LocalTransport, SparseExchangesDeliverToPartnersOnly) {
  for (const std::uint32_t ranks : {1, 4}) {
    on_ranks(ranks, [](Transport& transport) { scenarios::exchanges(transport, 50); });
  }
}

TEST(LocalTransport, MessagesKeepOrderAndContent) {
  for (const std::uint32_t ranks : {1, 3}) {
    on_ranks(ranks, [](Transport& transport) { scenarios::traffic(transport, 6, 50); });
  }
}

TEST(LocalTransport, ASenderIsNeverFarAhead) { on_ranks(3, scenarios::bounded_skew); }

TEST(LocalTransport, GraphsWithPostedReceivesMayGo) { on_ranks(2, scenarios::destruction); }

TEST(LocalTransport, WhatWasSentArrivesAfterItsSenderHasGone) { on_ranks(2, scenarios::farewells); }

TEST(LocalTransport, ManyGraphsAreOpen) {
  on_ranks(2, [](Transport& transport) { scenarios::many_graphs(transport, 10); });
}

TEST(LocalTransport, BadMessagesAreRefused) { on_ranks(2, scenarios::refusals); }

TEST(LocalTransport, AMessageMustHaveTheSizeOfItsReceive) {
  const auto transport = make_local_transports(1).front();
  std::array<std::byte, 8> staging{};
  const auto messages =
      transport->open({{RankId(0), 0, staging.data(), 8, true}, {RankId(0), 0, staging.data(), 4, false}});
  messages->start(0);
  EXPECT_THROW(messages->start(1), Error);
}

TEST(LocalTransport, DifferentCollectivesAreNotMixedUp) {
  const auto transports = make_local_transports(2);
  std::thread other([&] {
    try {
      transports[1]->barrier();
    } catch (const Error&) {
      transports[1]->sum(1);  // now the right one
    }
  });
  try {
    EXPECT_EQ(transports[0]->sum(1), 2U);
  } catch (const Error&) {
    transports[0]->barrier();
  }
  other.join();
}

TEST(LocalTransport, AbortEndsTheProcessWithItsStatus) {
  const auto transport = make_local_transports(1).front();
  EXPECT_EXIT(transport->abort(3), testing::ExitedWithCode(3), "");
}

}  // namespace
}  // namespace tutti
