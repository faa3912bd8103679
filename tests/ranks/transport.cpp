#include "tests/ranks/main.hpp"
#include "tests/ranks/transport_scenarios.hpp"

namespace tutti {
namespace {

TEST(Transport, CollectivesAgree) { scenarios::collectives(*job_transport()); }

TEST(Transport, SparseExchangesDeliverToPartnersOnly) { scenarios::exchanges(*job_transport(), 200); }

TEST(Transport, ASecondTransportIsIndependent) {
  int argc = 0;
  char** argv = nullptr;
  const std::shared_ptr<Transport> second = make_transport(argc, argv);
  scenarios::exchanges(*second, 5);
  scenarios::collectives(*job_transport());
}

/// Messages between the ranks of this node through shared memory, or all through MPI.
class MessagesThrough : public testing::TestWithParam<bool> {
 protected:
  MessagesThrough() { job_transport()->share_memory(GetParam()); }
  ~MessagesThrough() override { job_transport()->share_memory(true); }
};

TEST_P(MessagesThrough, SaidInTheDescription) {
  const bool shared = GetParam() && job_transport()->ranks() > 1;
  EXPECT_EQ(job_transport()->description().find("shared memory") != std::string::npos, shared);
}

TEST_P(MessagesThrough, KeepOrderAndContent) {
  const std::uint32_t ranks = job_transport()->ranks();
  constexpr std::uint32_t channels = 6;
  scenarios::traffic(*job_transport(), channels, 10'000 / (2 * ranks * channels));
}

TEST_P(MessagesThrough, ASenderIsNeverFarAhead) { scenarios::bounded_skew(*job_transport()); }

TEST_P(MessagesThrough, PostedReceivesAreCancelled) { scenarios::destruction(*job_transport()); }

TEST_P(MessagesThrough, WhatWasSentArrivesAfterItsSenderHasGone) { scenarios::farewells(*job_transport()); }

TEST_P(MessagesThrough, ManyGraphsAreOpen) { scenarios::many_graphs(*job_transport(), 50); }

TEST_P(MessagesThrough, BadMessagesAreRefused) { scenarios::refusals(*job_transport()); }

INSTANTIATE_TEST_SUITE_P(Ways, MessagesThrough, testing::Bool(),
                         [](const auto& info) { return info.param ? "shared_memory" : "mpi"; });

}  // namespace
}  // namespace tutti
