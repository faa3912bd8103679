// Numbers in lines of text. Every line ends with '\n', so nothing here looks for the end of the text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tutti::matrix_market {

inline bool is_blank(char c) { return c == ' ' || c == '\t'; }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool ends_line(const char* p) { return *p == '\n' || (*p == '\r' && p[1] == '\n'); }
inline bool ends_word(const char* p) { return is_blank(*p) || ends_line(p); }

inline const char* skip_blanks(const char* p) {
  while (is_blank(*p)) ++p;
  return p;
}

/// The characters from `p` to the next blank or the end of the line.
std::string_view word_at(const char* p);
/// A piece of a file as part of a message: quoted, shortened, with the codes of unprintable bytes.
std::string quoted(std::string_view piece);

/// The number in the digits from `p` on, at most 2^63 - 1 as a larger one is taken for that; `p` moves behind
/// them.
inline std::int64_t parse_digits(const char*& p) {
  constexpr int harmless_digits = 18;
  const char* const first = p;
  std::int64_t value = 0;
  for (; is_digit(*p); ++p) {
    const std::int64_t digit = *p - '0';
    if (p - first >= harmless_digits && value > (INT64_MAX - digit) / 10) {
      while (is_digit(*p)) ++p;
      return INT64_MAX;
    }
    value = 10 * value + digit;
  }
  return value;
}

// The finite number at `p`, which moves behind it. The word must end there. `end` is that of the text. Throw
// Error(usage).
double parse_real(const char*& p, const char* end);
double parse_integer(const char*& p, const char* end);  ///< no point, no exponent; the nearest double

}  // namespace tutti::matrix_market
