// Files of fields with simulated ranks: rank 0 does all that concerns HDF5.
#include <filesystem>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "tests/ranks/field_file_scenarios.hpp"

namespace tutti {
namespace {

void on_ranks(const std::function<void(Transport&, const std::string&)>& scenario) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / "tutti_unit_field_file";
  std::filesystem::create_directories(folder);
  for (const std::uint32_t ranks : {1, 2, 3}) {
    const auto transports = make_local_transports(ranks);
    std::vector<std::thread> threads;
    threads.reserve(ranks);
    for (const auto& transport : transports)
      threads.emplace_back([&] { scenario(*transport, folder.string()); });
    for (std::thread& thread : threads) thread.join();
  }
  std::filesystem::remove_all(folder);
}

TEST(FieldFile, ImagesCanBeReadAgain) { on_ranks(scenarios::image_round_trip); }
TEST(FieldFile, ImagesHaveTheLayoutOfVtkHdf) { on_ranks(scenarios::image_layout); }
TEST(FieldFile, OrdinaryArraysAreRead) { on_ranks(scenarios::ordinary_arrays); }
TEST(FieldFile, MisfitsAreRefusedByAllRanks) { on_ranks(scenarios::file_refusals); }

}  // namespace
}  // namespace tutti
