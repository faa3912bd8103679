// The text of Matrix Market files. An Error(usage) from here says what is wrong with a line; the caller knows
// which file and which line it is.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/io/matrix_market.hpp"

namespace tutti::matrix_market {

enum class Layout { coordinate, array };
enum class ValueKind { real, integer, pattern };

struct Format {
  Layout layout = Layout::coordinate;
  ValueKind values = ValueKind::real;
  MatrixSymmetry symmetry = MatrixSymmetry::general;
};

struct Size {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t entries = 0;  ///< lines with an entry
};

/// What was read of a block before its end or its first fault.
struct Tally {
  std::uint64_t lines = 0;
  std::uint64_t entries = 0;
};

/// The first line of a file; refuses any other layout than `wanted`.
Format parse_banner(std::string_view line, Layout wanted);
/// True for a comment or a line without anything.
bool is_filler(std::string_view line);
/// The line after the comments. Refuses sizes that do not fit their type, each other, or the format.
Size parse_size(std::string_view line, const Format& format);
/// Bytes that an entry takes at least, with the end of its line.
std::uint64_t shortest_entry_bytes(const Format& format);

// Both take whole lines, each with its '\n', and append what they read. `tally` counts up to the line at
// fault where they throw.
void parse_entries(std::string_view lines, const Format& format, const Size& size,
                   std::vector<Triplet>& triplets, Tally& tally);
void parse_values(std::string_view lines, const Format& format, std::vector<double>& values, Tally& tally);

/// Which of `lines` has the n-th entry, both from 0.
std::uint64_t line_of_entry(std::string_view lines, std::uint64_t n);

}  // namespace tutti::matrix_market
