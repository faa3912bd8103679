// Matrix Market files with simulated ranks.
#include <filesystem>
#include <functional>

#include <gtest/gtest.h>

#include "tests/local_ranks.hpp"
#include "tests/ranks/matrix_market_scenarios.hpp"

namespace tutti {
namespace {

void on_ranks(const std::function<void(Transport&, const std::string&)>& scenario) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "tutti_unit_matrix_market";
  std::filesystem::create_directories(folder);
  for (const std::uint32_t ranks : {1, 2, 3, 5})
    test::on_local_ranks(ranks, [&](const auto& transport) { scenario(*transport, folder.string()); });
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
