#include <filesystem>

#include <gtest/gtest.h>

#include "tests/ranks/field_file_scenarios.hpp"
#include "tests/ranks/main.hpp"

namespace tutti {
namespace {

/// A folder for the ranks of one job, which share a node. Jobs of other sizes may run at the same time.
const std::string& folder() {
  static const std::string path = [] {
    const auto ranks = std::to_string(job_transport()->ranks());
    const std::filesystem::path made =
        std::filesystem::path(testing::TempDir()) / ("tutti_field_file_" + ranks);
    std::filesystem::create_directories(made);
    job_transport()->barrier();
    return made.string();
  }();
  return path;
}

TEST(FieldFile, ImagesCanBeReadAgain) { scenarios::image_round_trip(*job_transport(), folder()); }
TEST(FieldFile, ImagesHaveTheLayoutOfVtkHdf) { scenarios::image_layout(*job_transport(), folder()); }
TEST(FieldFile, OrdinaryArraysAreRead) { scenarios::ordinary_arrays(*job_transport(), folder()); }
TEST(FieldFile, NamedArraysCanBeReadAgain) { scenarios::named_arrays(*job_transport(), folder()); }
TEST(FieldFile, MisfitsAreRefusedByAllRanks) { scenarios::file_refusals(*job_transport(), folder()); }

}  // namespace
}  // namespace tutti
