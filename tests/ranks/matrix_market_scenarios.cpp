#include "tests/ranks/matrix_market_scenarios.hpp"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include "runtime/io/outcome.hpp"
#include "tests/ranks/matrix_market_reading.hpp"

namespace tutti::scenarios {

namespace {

using Triplets = std::vector<Triplet>;

/// Sizes of blocks for a text: smaller than a line, about a line, more than all.
std::vector<std::uint64_t> block_sizes(std::uint64_t text_bytes) {
  constexpr std::uint64_t few_rounds = 3000;
  if (text_bytes > few_rounds) return {text_bytes / 50, std::uint64_t{1} << 20U};
  return {5, 23, std::uint64_t{1} << 16U};
}

std::string banner(const std::string& kind) { return "%%MatrixMarket matrix " + kind + "\n"; }

void write_plain(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

void write_gzip(const std::string& path, const std::string& text, const char* mode = "wb6") {
  const gzFile file = gzopen(path.c_str(), mode);
  ASSERT_NE(file, nullptr);
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
}

/// Writes the text twice and calls `check(path)` for the plain file and for the compressed one.
template <class Check>
void as_files(Transport& transport, const std::string& folder, const std::string& text, Check&& check) {
  const std::string plain = folder + "/plain.mtx";
  const std::string compressed = folder + "/compressed.mtx.gz";
  on_root(transport, [&] {
    write_plain(plain, text);
    write_gzip(compressed, text);
  });
  check(plain);
  check(compressed);
  transport.barrier();  // before the files are replaced
}

void expect_triplets(Transport& transport, const std::string& folder, const std::string& text,
                     const Triplets& wanted) {
  as_files(transport, folder, text, [&](const std::string& path) {
    for (const std::uint64_t block_bytes : block_sizes(text.size())) {
      const MatrixReading reading = read_matrix(transport, path, block_bytes);
      EXPECT_EQ(reading.error, "");
      EXPECT_EQ(reading.triplets, wanted) << text << "in blocks of " << block_bytes;
    }
  });
}

/// All ranks throw the same Error of this status, with these words.
void expect_error(Transport& transport, Status status, const std::string& words, Status found,
                  const std::string& error) {
  EXPECT_EQ(found, status) << error;
  EXPECT_NE(error.find(words), std::string::npos) << "'" << error << "' lacks '" << words << "'";
  const auto* first = reinterpret_cast<const std::byte*>(error.data());
  const Bytes mine(first, first + error.size());
  for (const Bytes& theirs : transport.gather_all(mine)) EXPECT_EQ(theirs, mine);
}

void expect_matrix_refused(Transport& transport, const std::string& folder, const std::string& text, int line,
                           const std::string& what) {
  as_files(transport, folder, text, [&](const std::string& path) {
    for (const std::uint64_t block_bytes : block_sizes(text.size())) {
      const MatrixReading reading = read_matrix(transport, path, block_bytes);
      const std::string words = fmt::format("cannot read '{}', line {}: {}", path, line, what);
      expect_error(transport, Status::usage, words, reading.status, reading.error);
    }
  });
}

void expect_vector_refused(Transport& transport, const std::string& folder, const std::string& text,
                           const std::string& what) {
  as_files(transport, folder, text, [&](const std::string& path) {
    const VectorReading reading = read_vector(transport, path, 2, 3);
    expect_error(transport, Status::usage, what, reading.status, reading.error);
  });
}

}  // namespace

void matrices(Transport& transport, const std::string& folder) {
  const auto expect = [&](const std::string& text, const Triplets& wanted) {
    expect_triplets(transport, folder, text, wanted);
  };
  expect(banner("coordinate real general") + "2 3 3\n1 1 1.5\n2 3 -2e-3\n1 2 3\n",
         {{0, 0, 1.5}, {1, 2, -2e-3}, {0, 1, 3}});
  expect(banner("coordinate real symmetric") + "3 3 3\n1 1 4\n3 1 -1\n2 2 5\n",
         {{0, 0, 4}, {2, 0, -1}, {0, 2, -1}, {1, 1, 5}});
  expect(banner("coordinate integer skew-symmetric") + "3 3 2\n2 1 7\n3 2 -8\n",
         {{1, 0, 7}, {0, 1, -7}, {2, 1, -8}, {1, 2, 8}});
  expect(banner("coordinate pattern symmetric") + "2 2 2\n1 1\n2 1\n", {{0, 0, 1}, {1, 0, 1}, {0, 1, 1}});
  expect(banner("coordinate pattern general") + "2 1 1\n2 1\n", {{1, 0, 1}});
  expect("%%matrixmarket MATRIX Coordinate REAL General\r\n%c\r\n\r\n1 2 2\r\n\r\n 1\t1  +.5 \r\n%\r\n1 2 5.",
         {{0, 0, 0.5}, {0, 1, 5}});
  expect(banner("coordinate real general") + "0 0 0\n", {});
  expect(banner("coordinate real general") + "\n\n5 5 0", {});
  expect(banner("coordinate integer general") + "9223372036854775806 1 1\n9223372036854775806 0001 1",
         {{9223372036854775805, 0, 1}});
  // the same place twice, and lines of the greatest length
  const std::string long_comment = "%" + std::string(65535, 'x') + "\n";
  expect(banner("coordinate real general") + long_comment + "1 1 1\n" + long_comment + "1 1 " +
             std::string(65531, ' ') + "2\n" + long_comment,
         {{0, 0, 2}});
}

void numbers(Transport& transport, const std::string& folder) {
  std::vector<std::string> words = {"0",
                                    "-0.0",
                                    "+1",
                                    "1.",
                                    ".5",
                                    "-.5e1",
                                    "1e22",
                                    "1E+23",
                                    "123456789012345678901234567890",
                                    "4.9e-324",
                                    "2e-324",
                                    "-1e-999",
                                    "0e999999999999999999999",
                                    "2.2250738585072011e-308",
                                    "1.7976931348623157e308",
                                    "9007199254740993",
                                    "0.1",
                                    "1e-00000000000000000000000003",
                                    "000.000e5",
                                    "." + std::string(400, '0') + "1e390"};
  constexpr std::uint64_t seed = 5;
  std::mt19937_64 draw(seed);
  while (words.size() < 400) {
    const std::uint64_t bits = draw();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (std::isfinite(value)) words.push_back(fmt::format("{}", value));
  }
  std::string text = banner("coordinate real general") + fmt::format("1 {0} {0}\n", words.size());
  Triplets wanted;
  for (const std::string& word : words) {
    const auto column = static_cast<std::int64_t>(wanted.size());
    text += fmt::format("1 {} {}\n", column + 1, word);
    wanted.push_back({0, column, std::strtod(word.c_str(), nullptr)});
  }
  expect_triplets(transport, folder, text, wanted);

  const std::string integers[] = {
      "-7", "+8", "999999999999999", "1000000000000000000001", "-9007199254740993", "000"};
  text = banner("coordinate integer general") + "1 6 6\n";
  wanted.clear();
  for (const std::string& word : integers) {
    const auto column = static_cast<std::int64_t>(wanted.size());
    text += fmt::format("1 {} {}\n", column + 1, word);
    wanted.push_back({0, column, std::strtod(word.c_str(), nullptr)});
  }
  expect_triplets(transport, folder, text, wanted);
}

void many_rounds(Transport& transport, const std::string& folder) {
  constexpr std::int64_t rows = 4000;
  std::string text = banner("coordinate real symmetric") + fmt::format("{0} {0} {1}\n", rows, 2 * rows - 1);
  Triplets wanted;
  for (std::int64_t i = 0; i < rows; ++i) {
    const double value = 1.0 / static_cast<double>(i + 1);
    if (i > 0) {
      text += fmt::format("{} {} {}\n", i + 1, i, -value);
      wanted.push_back({i, i - 1, -value});
      wanted.push_back({i - 1, i, -value});
    }
    if (i % 100 == 0) text += "% " + std::string(static_cast<std::size_t>(i % 700), '-') + "\n";
    text += fmt::format("{} {} {}\n", i + 1, i + 1, 2 * value);
    wanted.push_back({i, i, 2 * value});
  }
  as_files(transport, folder, text, [&](const std::string& path) {
    for (const std::uint64_t block_bytes : block_sizes(text.size())) {
      MatrixMarketReader reader(transport, path, block_bytes);
      EXPECT_EQ(reader.header().rows, rows);
      EXPECT_EQ(reader.header().entries, 2 * rows - 1);
      EXPECT_EQ(reader.header().symmetry, MatrixSymmetry::symmetric);
      EXPECT_FALSE(reader.header().pattern);
      const MatrixReading reading = read_matrix(transport, path, block_bytes);
      EXPECT_TRUE(reading.triplets == wanted) << "in blocks of " << block_bytes;
      Triplets mine;
      std::uint64_t number = 0;
      while (reader.next(mine)) number += mine.size();
      EXPECT_FALSE(reader.next(mine));
      if (block_bytes < text.size() / 4) {
        EXPECT_GT(number * transport.ranks(), wanted.size() / 4) << "every rank reads";
      }
    }
  });
  // a fault near the end has the number of its line, whichever rank reads it
  const auto at = text.rfind("\n3999 ");
  const auto line =
      static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n')) + 2;
  std::string faulty = text;
  faulty[at + 1] = 'x';
  expect_matrix_refused(transport, folder, faulty, line, "the row 'x999' is not a whole number");
}

void vectors(Transport& transport, const std::string& folder) {
  std::string text = banner("array real general") + "% b\n300 1\n";
  std::vector<double> wanted;
  for (int i = 0; i < 300; ++i) {
    wanted.push_back(0.1 * i);
    text += fmt::format("{}\n", wanted.back());
  }
  as_files(transport, folder, text, [&](const std::string& path) {
    for (const std::uint64_t block_bytes : block_sizes(text.size())) {
      const VectorReading reading = read_vector(transport, path, 300, block_bytes);
      EXPECT_EQ(reading.error, "");
      EXPECT_EQ(reading.values, wanted);
    }
  });
  const std::string head = banner("array integer general") + "2 1\n";
  expect_vector_refused(transport, folder, head + "1\n2.5\n", "line 4: the value '2.5' is not an integer");
  expect_vector_refused(transport, folder, head + "1\n",
                        "line 3: the file ends here with 1 of the 2 entries");
  expect_vector_refused(transport, folder, head + "1\n2\n3\n", "line 5: more entries than the 2");
  expect_vector_refused(transport, folder, head + "1 2\n", "line 3: '2' stands behind the entry");
  expect_vector_refused(transport, folder, banner("array real general") + "3 1\n1\n2\n3\n",
                        "the vector has 3 rows; 2 are needed");
  expect_vector_refused(transport, folder, banner("array real general") + "2 2\n1\n1\n1\n1\n",
                        "line 2: a vector has 1 column, not 2");
  expect_vector_refused(transport, folder, banner("array real symmetric") + "2 1\n1\n1\n",
                        "line 1: a vector is 'general', not 'symmetric'");
  expect_vector_refused(transport, folder, banner("array pattern general") + "2 1\n1\n1\n",
                        "line 1: values of the kind 'pattern' are not supported");
  expect_vector_refused(transport, folder, banner("coordinate real general") + "2 1 0\n",
                        "line 1: a dense vector ('array') is needed");
}

void text_refusals(Transport& transport, const std::string& folder) {
  const std::string real = banner("coordinate real general");
  const std::string symmetric = banner("coordinate real symmetric");
  const std::string skew = banner("coordinate real skew-symmetric");
  const std::string pattern = banner("coordinate pattern general");
  const struct {
    std::string text;
    int line;
    const char* what;
  } cases[] = {
      {"\n", 1, "the file does not start with '%%MatrixMarket'"},
      {"1 1 1\n", 1, "the file does not start with"},
      {std::string("\x7f"
                   "ELF\0\0",
                   6),
       1, "the file does not start with"},
      {"%%MatrixMarket matrix coordinate real\n", 1, "the first line is not"},
      {"%%MatrixMarket tensor coordinate real general\n", 1, "the first line is not"},
      {banner("sparse real general"), 1, "the layout 'sparse' is neither"},
      {banner("array real general") + "1 1\n1\n", 1, "a sparse matrix ('coordinate') is needed"},
      {banner("coordinate complex general"), 1, "values of the kind 'complex' are not supported"},
      {banner("coordinate real hermitian"), 1, "the symmetry 'hermitian' is not supported"},
      {banner("coordinate pattern skew-symmetric"), 1, "a pattern has no signs"},
      {real, 2, "the file ends before the line with the size"},
      {real + "% nothing\n\n", 4, "the file ends before the line with the size"},
      {real + "2 2\n", 2, "the line with the size has 2 words"},
      {real + "2 2 1 1\n", 2, "the line with the size has 4 words"},
      {real + "2 x 1\n", 2, "the number of columns is 'x'"},
      {real + "-2 2 1\n", 2, "the number of rows is '-2'"},
      {real + "99999999999999999999 1 1\n", 2, "the number of rows is '99999999999999999999', more than"},
      {real + "2 2 5\n" + std::string(99, '\n'), 2,
       "5 entries are more than a matrix of 2 rows and 2 columns has"},
      {symmetric + "2 2 4\n" + std::string(99, '\n'), 2, "4 entries are more than a triangle of a matrix"},
      {skew + "3 3 4\n" + std::string(99, '\n'), 2, "4 entries are more than a triangle of a matrix"},
      {symmetric + "2 3 1\n1 1 1\n", 2, "a matrix of 2 rows and 3 columns cannot be symmetric"},
      {real + "9999999999 9999999999 4611686018427387904\n", 2,
       "4611686018427387904 entries are declared, but a file of"},
      {real + "2 2 1\n1\n", 3, "the column is missing"},
      {real + "2 2 1\n1 1\n", 3, "the value is missing"},
      {real + "2 2 1\n0 1 1\n", 3, "the row '0' is not one of 1 to 2"},
      {real + "2 2 1\n1 -1 1\n", 3, "the column '-1' is not one of 1 to 2"},
      {real + "% c\n2 2 2\n1 1 1\n3 1 1\n", 5, "the row '3' is not one of 1 to 2"},
      {real + "2 2 1\n1 99999999999999999999999 1\n", 3,
       "the column '99999999999999999999999' is not one of 1 to 2"},
      {real + "2 2 1\n1.0 1 1\n", 3, "the row '1.0' is not a whole number"},
      {real + "2 2 1\n1 1x 1\n", 3, "the column '1x' is not a whole number"},
      {real + "2 2 1\n1 1 one\n", 3, "the value 'one' is not a number"},
      {real + "2 2 1\n1 1 1.5.2\n", 3, "the value '1.5.2' is not a number"},
      {real + "2 2 1\n1 1 1e\n", 3, "the value '1e' is not a number"},
      {real + "2 2 1\n1 1 +-1\n", 3, "the value '+-1' is not a number"},
      {real + "2 2 1\n1 1 .\n", 3, "the value '.' is not a number"},
      {real + "2 2 1\n1 1 0x10\n", 3, "the value '0x10' is not a number"},
      {real + "2 2 1\n1 1 NaN\n", 3, "the value 'NaN' is not finite"},
      {real + "2 2 1\n1 1 -inf\n", 3, "the value '-inf' is not finite"},
      {real + "2 2 1\n1 1 1e309\n", 3, "the value '1e309' is too large for a double"},
      {real + "2 2 1\n1 1 -1e99999999999999999999\n", 3, "the value '-1e99999999999999999999' is too large"},
      {real + "2 2 1\n1 1 1 1\n", 3, "'1' stands behind the entry"},
      {real + "2 2 1\n1 1 1 % one\n", 3, "'%' stands behind the entry"},
      {real + std::string("2 2 1\n1 1 \0\1\xff\n", 14), 3, "the value '\\x00\\x01\\xff' is not a number"},
      {real + "2 2 1\n1 1 " + std::string(100, 'z') + "\n", 3,
       "the value 'zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz...' is"},
      {banner("coordinate integer general") + "2 2 1\n1 1 1.0\n", 3, "the value '1.0' is not an integer"},
      {pattern + "2 2 1\n1 1 1\n", 3, "'1' stands behind the entry"},
      {pattern + "2 2 1\n1\n1\n", 3, "the column is missing"},
      {symmetric + "2 2 2\n1 1 1\n1 2 1\n", 4, "row 1, column 2 is above the diagonal"},
      {skew + "2 2 1\n2 2 0\n", 3, "row 2, column 2 is not below the diagonal"},
      {real + "2 2 3\n1 1 1\n2 2 2\n% end\n", 5, "the file ends here with 2 of the 3 entries it declares"},
      {real + "2 2 1\n1 1 1\n\n%\n2 2 2\n", 6, "more entries than the 1 that the file declares"},
      {real + "2 2 0\n2 2 2\n", 3, "more entries than the 0"},
      // the first fault counts, whatever follows
      {real + "9 9 2\n1 1 1\n2 2 2\n3 3 3\n4 4 x\n", 5, "more entries than the 2"},
      {real + "9 9 2\n1 1 1\n2 2 x\n3 3 3\n4 4 x\n", 4, "the value 'x' is not a number"},
      {real + "%" + std::string(65536, 'x') + "\n1 1 0\n", 2, "the line has more than 65536 bytes"},
      {real + "1 1 1\n1 1 " + std::string(65532, ' ') + "1\n", 3, "the line has more than 65536 bytes"},
      {real + "1 1 1\n1 1 1\n" + std::string(200000, ' '), 4, "the line has more than 65536 bytes"},
      {real + "1 1 1\n1 1 1\n%" + std::string(65536, 'x') + "\n", 4, "the line has more than 65536 bytes"},
  };
  for (const auto& [text, line, what] : cases) expect_matrix_refused(transport, folder, text, line, what);
}

void file_refusals(Transport& transport, const std::string& folder) {
  const std::string path = folder + "/refused.mtx";
  const auto expect = [&](Status status, const std::string& file, const std::string& what) {
    for (const std::uint64_t block_bytes : block_sizes(0)) {
      const MatrixReading reading = read_matrix(transport, file, block_bytes);
      expect_error(transport, status, fmt::format("cannot read '{}'{}", file, what), reading.status,
                   reading.error);
    }
    transport.barrier();
  };
  const auto write = [&](const std::string& text) { on_root(transport, [&] { write_plain(path, text); }); };
  expect(Status::environment, folder + "/missing.mtx", ": No such file");
  expect(Status::environment, path + "/below/a/file", ": No");
  expect(Status::usage, folder, ": it is a directory");
  const std::string pipe = folder + "/pipe.mtx";
  on_root(transport, [&] { EXPECT_EQ(mkfifo(pipe.c_str(), 0600), 0); });
  expect(Status::usage, pipe, ": it is not a regular file");
  expect(Status::usage, "/dev/zero", ": it is not a regular file");
  on_root(transport, [&] { std::filesystem::remove(pipe); });
  write("");
  expect(Status::usage, path, ", line 1: the file is empty");

  // gzip: two members are one text; damaged and truncated ones are refused after the last good line
  std::string text = banner("coordinate integer general") + "200 1 200\n";
  for (int i = 1; i <= 200; ++i) text += fmt::format("{} 1 {}\n", i, (i * 7919) % 1000);
  const std::size_t cut = text.size() / 2;
  on_root(transport, [&] {
    write_gzip(path, text.substr(0, cut));
    write_gzip(path, text.substr(cut), "ab9");
  });
  for (const std::uint64_t block_bytes : block_sizes(0)) {
    const MatrixReading reading = read_matrix(transport, path, block_bytes);
    EXPECT_EQ(reading.error, "");
    EXPECT_EQ(reading.triplets.size(), 200U);
  }
  transport.barrier();
  on_root(transport, [&] { write_gzip(path, text); });
  const auto size = std::filesystem::file_size(path);
  transport.barrier();
  on_root(transport, [&] { std::filesystem::resize_file(path, size - 100); });
  expect(Status::usage, path, ", line ");
  const std::string truncated = read_matrix(transport, path, 7).error;
  EXPECT_NE(truncated.find("the gzip data ends early"), std::string::npos) << truncated;
  EXPECT_EQ(truncated, read_matrix(transport, path, 1U << 16U).error);
  transport.barrier();
  on_root(transport, [&] {
    write_gzip(path, text);
    std::ofstream(path, std::ios::binary | std::ios::app) << "tail";
  });
  expect(Status::usage, path, ", line 203: the gzip data is damaged: incorrect header check");
  write("\x1f\x8b");
  expect(Status::usage, path, ", line 1: the gzip data ends early");
  write("\x1f\x8bnothing of the kind");
  expect(Status::usage, path, ", line 1: the gzip data is damaged");

  // a file that loses its end between two rounds
  write(text);
  MatrixMarketReader reader(transport, path, 8);
  Triplets mine;
  EXPECT_TRUE(reader.next(mine));
  transport.barrier();
  on_root(transport, [&] { std::filesystem::resize_file(path, 100); });
  std::string words;
  Status status = Status::verified;
  try {
    while (reader.next(mine)) {
    }
  } catch (const Error& error) {
    status = error.status();
    words = error.what();
  }
  expect_error(transport, Status::environment, "it became shorter while it was read", status, words);
}

}  // namespace tutti::scenarios
