// Files of fields with simulated ranks: rank 0 does all that concerns HDF5.
#include <filesystem>
#include <functional>

#include <gtest/gtest.h>

#include "tests/local_ranks.hpp"
#include "tests/ranks/field_file_scenarios.hpp"

namespace tutti {
namespace {

void on_ranks(const std::function<void(Transport&, const std::string&)>& scenario) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / "tutti_unit_field_file";
  std::filesystem::create_directories(folder);
  for (const std::uint32_t ranks : {1, 2, 3})
    test::on_local_ranks(ranks, [&](const auto& transport) { scenario(*transport, folder.string()); });
  std::filesystem::remove_all(folder);
}

TEST(FieldFile, ImagesCanBeReadAgain) { on_ranks(scenarios::image_round_trip); }
TEST(FieldFile, ImagesHaveTheLayoutOfVtkHdf) { on_ranks(scenarios::image_layout); }
TEST(FieldFile, OrdinaryArraysAreRead) { on_ranks(scenarios::ordinary_arrays); }
TEST(FieldFile, NamedArraysCanBeReadAgain) { on_ranks(scenarios::named_arrays); }
TEST(FieldFile, MisfitsAreRefusedByAllRanks) { on_ranks(scenarios::file_refusals); }

}  // namespace
}  // namespace tutti
