#include "tests/ranks/main.hpp"
#include "tests/ranks/transport_scenarios.hpp"

namespace tutti {
namespace {

TEST(Transport, CollectivesAgree) { scenarios::collectives(*job_transport()); }

TEST(Transport, SparseExchangesDeliverToPartnersOnly) { scenarios::exchanges(*job_transport(), 200); }

TEST(Transport, MessagesKeepOrderAndContent) {
  const std::uint32_t ranks = job_transport()->ranks();
  constexpr std::uint32_t channels = 6;
  scenarios::traffic(*job_transport(), channels, 10'000 / (2 * ranks * channels));
}

TEST(Transport, ASenderIsNeverFarAhead) { scenarios::bounded_skew(*job_transport()); }

TEST(Transport, PostedReceivesAreCancelled) { scenarios::destruction(*job_transport()); }

TEST(Transport, BadMessagesAreRefused) { scenarios::refusals(*job_transport()); }

TEST(Transport, ASecondTransportIsIndependent) {
  int argc = 0;
  char** argv = nullptr;
  const std::shared_ptr<Transport> second = make_transport(argc, argv);
  scenarios::exchanges(*second, 5);
  scenarios::collectives(*job_transport());
}

}  // namespace
}  // namespace tutti
