// Every file of the corpus and, for a few seconds, mutations of them from a seed: what libFuzzer does, for
// builds that do not have it.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/fuzz/check.hpp"
#include "tests/ranks/matrix_market_reading.hpp"

namespace tutti::fuzz {
namespace {

using Random = std::mt19937_64;

const std::map<std::string, std::string>& corpus() {
  static const auto files = [] {
    std::map<std::string, std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(TUTTI_FUZZ_CORPUS)) {
      std::ifstream in(entry.path(), std::ios::binary);
      found[entry.path().filename()] = {std::istreambuf_iterator<char>(in), {}};
    }
    return found;
  }();
  return files;
}

std::size_t below(Random& draw, std::size_t limit) { return limit == 0 ? 0 : draw() % limit; }

const std::string& any_file(Random& draw) {
  return std::next(corpus().begin(), static_cast<std::ptrdiff_t>(below(draw, corpus().size())))->second;
}

/// One change such as libFuzzer makes.
void mutate(std::string& text, Random& draw) {
  static const std::string pieces[] = {"0",
                                       "-1",
                                       "9223372036854775807",
                                       "18446744073709551616",
                                       "nan",
                                       "inf",
                                       "1e999",
                                       "1e-999",
                                       "\n",
                                       "\r\n",
                                       " ",
                                       "%",
                                       "1 1 1\n",
                                       "symmetric",
                                       "pattern",
                                       std::string(1, '\0')};
  const std::size_t at = below(draw, text.size() + 1);
  const std::size_t length = std::min(text.size() - at, below(draw, 8));
  switch (draw() % 6) {
    case 0:
      text.erase(at, length);
      break;
    case 1:
      text.insert(at, pieces[below(draw, std::size(pieces))]);
      break;
    case 2:
      text.replace(at, length, pieces[below(draw, std::size(pieces))]);
      break;
    case 3:
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(draw, 8)));
      break;
    case 4:
      text.resize(at);
      break;
    default: {
      const std::string& other = any_file(draw);
      const std::size_t from = below(draw, other.size() + 1);
      text.insert(at, other.substr(from, below(draw, 64)));
    }
  }
}

TEST(Fuzz, CorpusIsReadAlikeOnAllRanks) {
  ASSERT_GE(corpus().size(), 10U);
  for (const auto& [name, text] : corpus()) {
    SCOPED_TRACE(name);
    EXPECT_NO_THROW(check_matrix_market(text));
  }
}

TEST(Fuzz, MatricesOfTheGeneratorAreAccepted) {
  for (const char* kind : {"grid", "network", "arrow", "pattern", "integer", "skew"}) {
    const MatrixReading reading =
        read_matrix_locally(2, fmt::format("{}/{}.mtx", TUTTI_FUZZ_CORPUS, kind), 1U << 16U);
    EXPECT_EQ(reading.error, "");
    EXPECT_EQ(reading.header.rows, 5);
    EXPECT_GE(reading.triplets.size(), 10U);
  }
}

TEST(Fuzz, MutationsAreReadAlikeOnAllRanks) {
  const char* given = std::getenv("TUTTI_FUZZ_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::printf("seed %llu (TUTTI_FUZZ_SEED)\n", static_cast<unsigned long long>(seed));
  Random draw(seed);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(4);
  std::uint64_t tried = 0;
  for (; std::chrono::steady_clock::now() < end; ++tried) {
    std::string text = any_file(draw);
    for (std::size_t changes = 1 + below(draw, 4); changes > 0; --changes) mutate(text, draw);
    ASSERT_NO_THROW(check_matrix_market(text)) << "input " << tried << ":\n" << text;
  }
  std::printf("%llu inputs\n", static_cast<unsigned long long>(tried));
  EXPECT_GT(tried, 0U);
}

}  // namespace
}  // namespace tutti::fuzz
