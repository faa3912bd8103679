#include "runtime/io/matrix_market_text.hpp"

#include <algorithm>
#include <cctype>
#include <string>

#include "runtime/error.hpp"
#include "runtime/io/line_blocks.hpp"
#include "runtime/io/matrix_market_numbers.hpp"

namespace tutti::matrix_market {

namespace {

std::string_view without_cr(std::string_view line) {
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found;
  line = without_cr(line);
  while (!line.empty()) {
    const std::size_t length = std::min(line.find_first_of(" \t"), line.size());
    if (length > 0) found.push_back(line.substr(0, length));
    line.remove_prefix(std::min(length + 1, line.size()));
  }
  return found;
}

std::string lower(std::string_view word) {
  std::string text(word);
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::int64_t parse_extent(std::string_view word, const char* what) {
  const bool digits = std::all_of(word.begin(), word.end(), is_digit);
  if (!digits) usage_error("the number of {} is {}, not a whole number", what, quoted(word));
  const std::string line = std::string(word) + '\n';
  const char* p = line.data();
  const std::int64_t extent = parse_digits(p);
  if (extent == INT64_MAX) usage_error("the number of {} is {}, more than 2^63 - 2", what, quoted(word));
  return extent;
}

/// Whether a * b < c; without overflow.
bool product_is_below(std::int64_t a, std::int64_t b, std::int64_t c) {
  std::int64_t product = 0;
  return !__builtin_mul_overflow(a, b, &product) && product < c;
}

/// Whether a matrix of this shape and symmetry has fewer places than the file has entries.
bool overfull(const Size& size, const Format& format) {
  const std::int64_t n = size.rows;
  if (format.symmetry == MatrixSymmetry::general) return product_is_below(n, size.columns, size.entries);
  const std::int64_t factor =
      format.symmetry == MatrixSymmetry::symmetric ? n + 1 : std::max<std::int64_t>(n, 1) - 1;
  // half of n * factor, which is even
  return n % 2 == 0 ? product_is_below(n / 2, factor, size.entries)
                    : product_is_below(n, factor / 2, size.entries);
}

[[noreturn]] void refuse_index(const char* p, const char* what, std::int64_t extent) {
  const std::string_view word = word_at(p);
  if (word.empty()) usage_error("the {} is missing", what);
  const std::string_view digits = word.substr(word.front() == '-' ? 1 : 0);
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit))
    usage_error("the {} {} is not a whole number", what, quoted(word));
  usage_error("the {} {} is not one of 1 to {}", what, quoted(word), extent);
}

[[noreturn]] void refuse_rest(const char* p) {
  usage_error("{} stands behind the entry", quoted(word_at(p)));
}

/// The index at `p`, from 0; `p` moves to the next word.
inline std::int64_t parse_index(const char*& p, const char* what, std::int64_t extent) {
  const char* stop = p;
  const std::int64_t index = parse_digits(stop);
  if (index < 1 || index > extent || !ends_word(stop)) refuse_index(p, what, extent);
  p = skip_blanks(stop);
  return index - 1;
}

inline double parse_value(const char*& p, const char* end, ValueKind kind) {
  switch (kind) {
    case ValueKind::pattern:
      return 1;
    case ValueKind::integer:
      return parse_integer(p, end);
    case ValueKind::real:
      break;
  }
  return parse_real(p, end);
}

inline Triplet parse_triplet(const char*& p, const char* end, const Format& format, const Size& size) {
  Triplet triplet;
  triplet.row = parse_index(p, "row", size.rows);
  triplet.column = parse_index(p, "column", size.columns);
  triplet.value = parse_value(p, end, format.values);
  if (format.symmetry == MatrixSymmetry::symmetric && triplet.row < triplet.column) {
    usage_error("row {}, column {} is above the diagonal; a symmetric file has the lower triangle only",
                triplet.row + 1, triplet.column + 1);
  }
  if (format.symmetry == MatrixSymmetry::skew_symmetric && triplet.row <= triplet.column) {
    usage_error("row {}, column {} is not below the diagonal; a skew-symmetric file has nothing else",
                triplet.row + 1, triplet.column + 1);
  }
  return triplet;
}

/// Calls `entry(p)` at each entry; it moves p behind what it has read.
template <class Entry>
void for_each_entry(std::string_view lines, Tally& tally, Entry&& entry) {
  const char* p = lines.data();
  const char* const end = p + lines.size();
  for (; p != end; ++tally.lines) {
    const char* const line = p;
    p = skip_blanks(p);
    const bool filler = *p == '%' || ends_line(p);
    if (filler) {
      while (*p != '\n') ++p;
    } else {
      entry(p, end);
      p = skip_blanks(p);
      if (!ends_line(p)) refuse_rest(p);
      if (*p == '\r') ++p;
    }
    if (static_cast<std::size_t>(p - line) > longest_line_bytes) refuse_long_line();
    if (!filler) ++tally.entries;
    ++p;
  }
}

}  // namespace

Format parse_banner(std::string_view line, Layout wanted) {
  const auto found = words(line);
  if (found.empty() || lower(found[0]) != "%%matrixmarket")
    usage_error("the file does not start with '%%MatrixMarket'");
  if (found.size() != 5 || lower(found[1]) != "matrix") {
    usage_error(
        "the first line is not '%%MatrixMarket matrix', then coordinate or array, the kind of the values, "
        "the symmetry");
  }
  Format format;
  const std::string layout = lower(found[2]);
  const std::string values = lower(found[3]);
  const std::string symmetry = lower(found[4]);
  if (layout != "coordinate" && layout != "array")
    usage_error("the layout {} is neither coordinate nor array", quoted(found[2]));
  format.layout = layout == "array" ? Layout::array : Layout::coordinate;
  if (format.layout != wanted) {
    usage_error("{} is needed here and this is {}",
                wanted == Layout::array ? "a dense vector ('array')" : "a sparse matrix ('coordinate')",
                wanted == Layout::array ? "a sparse matrix ('coordinate')" : "a dense one ('array')");
  }
  if (values == "integer") {
    format.values = ValueKind::integer;
  } else if (values == "pattern" && wanted == Layout::coordinate) {
    format.values = ValueKind::pattern;
  } else if (values != "real") {
    usage_error("values of the kind {} are not supported; real{} integer are", quoted(found[3]),
                wanted == Layout::array ? " and" : ", pattern and");
  }
  if (symmetry == "symmetric") {
    format.symmetry = MatrixSymmetry::symmetric;
  } else if (symmetry == "skew-symmetric") {
    format.symmetry = MatrixSymmetry::skew_symmetric;
  } else if (symmetry != "general") {
    usage_error("the symmetry {} is not supported; general, symmetric and skew-symmetric are",
                quoted(found[4]));
  }
  if (format.symmetry != MatrixSymmetry::general && wanted == Layout::array)
    usage_error("a vector is 'general', not {}", quoted(found[4]));
  if (format.symmetry == MatrixSymmetry::skew_symmetric && format.values == ValueKind::pattern)
    usage_error("a pattern has no signs and cannot be skew-symmetric");
  return format;
}

bool is_filler(std::string_view line) {
  line = without_cr(line);
  const std::size_t first = line.find_first_not_of(" \t");
  return first == std::string_view::npos || line[first] == '%';
}

Size parse_size(std::string_view line, const Format& format) {
  const bool sparse = format.layout == Layout::coordinate;
  const auto found = words(line);
  if (found.size() != (sparse ? 3 : 2)) {
    usage_error("the line with the size has {} words, not the numbers of {}", found.size(),
                sparse ? "rows, columns and entries" : "rows and columns");
  }
  Size size;
  size.rows = parse_extent(found[0], "rows");
  size.columns = parse_extent(found[1], "columns");
  if (!sparse && size.columns != 1) usage_error("a vector has 1 column, not {}", size.columns);
  size.entries = sparse ? parse_extent(found[2], "entries") : size.rows;
  if (format.symmetry != MatrixSymmetry::general && size.rows != size.columns)
    usage_error("a matrix of {} rows and {} columns cannot be symmetric", size.rows, size.columns);
  if (overfull(size, format)) {
    usage_error("{} entries are more than {} matrix of {} rows and {} columns has", size.entries,
                format.symmetry == MatrixSymmetry::general ? "a" : "a triangle of a", size.rows,
                size.columns);
  }
  return size;
}

std::uint64_t shortest_entry_bytes(const Format& format) {
  if (format.layout == Layout::array) return 2;        // "1"
  return format.values == ValueKind::pattern ? 4 : 6;  // "1 1" and "1 1 1"
}

void parse_entries(std::string_view lines, const Format& format, const Size& size,
                   std::vector<Triplet>& triplets, Tally& tally) {
  const double mirrored = format.symmetry == MatrixSymmetry::skew_symmetric ? -1 : 1;
  for_each_entry(lines, tally, [&](const char*& p, const char* end) {
    const Triplet triplet = parse_triplet(p, end, format, size);
    triplets.push_back(triplet);
    if (format.symmetry != MatrixSymmetry::general && triplet.row != triplet.column)
      triplets.push_back({triplet.column, triplet.row, mirrored * triplet.value});
  });
}

void parse_values(std::string_view lines, const Format& format, std::vector<double>& values, Tally& tally) {
  for_each_entry(lines, tally, [&](const char*& p, const char* end) {
    values.push_back(parse_value(p, end, format.values));
  });
}

std::uint64_t line_of_entry(std::string_view lines, std::uint64_t n) {
  std::uint64_t number = 0;
  for (;; ++number) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    if (!is_filler(line) && n-- == 0) return number;
    lines.remove_prefix(line.size() + 1);
  }
}

}  // namespace tutti::matrix_market
