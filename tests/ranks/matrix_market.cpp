#include <filesystem>

#include <gtest/gtest.h>

#include "tests/ranks/main.hpp"
#include "tests/ranks/matrix_market_scenarios.hpp"

namespace tutti {
namespace {

/// A folder for the ranks of one job, which share a node. Jobs of other sizes may run at the same time.
class MatrixMarket : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_);
    job_transport()->barrier();
  }
  void TearDown() override {
    job_transport()->barrier();
    if (job_transport()->rank().value == 0) std::filesystem::remove_all(folder_);
    job_transport()->barrier();
  }
  std::string folder_ = std::filesystem::path(testing::TempDir()) /
                        ("tutti_matrix_market_" + std::to_string(job_transport()->ranks()));
};

TEST_F(MatrixMarket, Matrices) { scenarios::matrices(*job_transport(), folder_); }
TEST_F(MatrixMarket, Numbers) { scenarios::numbers(*job_transport(), folder_); }
TEST_F(MatrixMarket, ManyRounds) { scenarios::many_rounds(*job_transport(), folder_); }
TEST_F(MatrixMarket, Vectors) { scenarios::vectors(*job_transport(), folder_); }
TEST_F(MatrixMarket, MalformedTextIsRefusedByAllRanks) {
  scenarios::text_refusals(*job_transport(), folder_);
}
TEST_F(MatrixMarket, OtherFilesAreRefusedByAllRanks) { scenarios::file_refusals(*job_transport(), folder_); }

}  // namespace
}  // namespace tutti
