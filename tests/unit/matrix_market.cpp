// Matrix Market files with simulated ranks.
#include <filesystem>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "tests/ranks/matrix_market_scenarios.hpp"

namespace tutti {
namespace {

void on_ranks(const std::function<void(Transport&, const std::string&)>& scenario) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "tutti_unit_matrix_market";
  std::filesystem::create_directories(folder);
  for (const std::uint32_t ranks : {1, 2, 3, 5}) {
    const auto transports = make_local_transports(ranks);
    std::vector<std::thread> threads;
    threads.reserve(ranks);
    for (const auto& transport : transports)
      threads.emplace_back([&] { scenario(*transport, folder.string()); });
    for (std::thread& thread : threads) thread.join();
  }
  std::filesystem::remove_all(folder);
}

TEST(MatrixMarket, Matrices) { on_ranks(scenarios::matrices); }
TEST(MatrixMarket, Numbers) { on_ranks(scenarios::numbers); }
TEST(MatrixMarket, ManyRounds) { on_ranks(scenarios::many_rounds); }
TEST(MatrixMarket, Vectors) { on_ranks(scenarios::vectors); }
TEST(MatrixMarket, MalformedTextIsRefusedByAllRanks) { on_ranks(scenarios::text_refusals); }
TEST(MatrixMarket, OtherFilesAreRefusedByAllRanks) { on_ranks(scenarios::file_refusals); }

}  // namespace
}  // namespace tutti
