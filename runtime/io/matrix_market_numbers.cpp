#include "runtime/io/matrix_market_numbers.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "runtime/error.hpp"

namespace tutti::matrix_market {

namespace {

bool is_infinite_or_nan(std::string_view word) {
  std::string letters;
  for (const char c : word.substr(0, 9))
    if (c != '+' && c != '-') letters += static_cast<char>(c | 0x20);
  return letters.starts_with("nan") || letters == "inf" || letters == "infinity";
}

[[noreturn]] void refuse(const char* p, const char* wanted) {
  const std::string_view word = word_at(p);
  if (word.empty()) usage_error("the value is missing");
  if (is_infinite_or_nan(word)) usage_error("the value {} is not finite", quoted(word));
  usage_error("the value {} is not {}", quoted(word), wanted);
}

/// True if the number in `word` is nearer to 0 than 1 is; for one that no double can hold.
bool is_tiny(std::string_view word) {
  constexpr std::int64_t far = INT64_MAX / 4;
  const char* const end = word.data() + word.size();
  const char* const mark = std::find_if(word.data(), end, [](char c) { return c == 'e' || c == 'E'; });
  const char* const point = std::find(word.data(), mark, '.');
  const char* const leading = std::find_if(word.data(), mark, [](char c) { return c >= '1' && c <= '9'; });
  std::int64_t exponent = 0;
  if (mark != end) {
    const char* digits = mark + 1;
    const bool negative = *digits == '-';
    if (*digits == '-' || *digits == '+') ++digits;
    exponent = std::min(parse_digits(digits), far);
    if (negative) exponent = -exponent;
  }
  return point - leading + exponent < 0;
}

}  // namespace

std::string_view word_at(const char* p) {
  const char* end = p;
  while (!ends_word(end)) ++end;
  return {p, static_cast<std::size_t>(end - p)};
}

std::string quoted(std::string_view piece) {
  constexpr std::size_t most = 32;
  std::string text = "'";
  for (const char c : piece.substr(0, most)) {
    if (c >= ' ' && c <= '~') {
      text += c;
    } else {
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return text + (piece.size() > most ? "...'" : "'");
}

double parse_real(const char*& p, const char* end) {
  const char* const number = *p == '+' ? p + 1 : p;  // from_chars knows '-' alone
  const char* const digits = *p == '-' ? p + 1 : number;
  double value = 0;
  const bool begins = is_digit(*digits) || *digits == '.';  // from_chars would take nan and inf too
  const auto [stop, fault] = begins ? std::from_chars(number, end, value)
                                    : std::from_chars_result{number, std::errc::invalid_argument};
  if (fault == std::errc::invalid_argument || !ends_word(stop)) refuse(p, "a number");
  if (fault == std::errc::result_out_of_range || !std::isfinite(value)) {
    const std::string_view word(digits, static_cast<std::size_t>(stop - digits));
    if (!is_tiny(word)) usage_error("the value {} is too large for a double", quoted(word_at(p)));
    value = *p == '-' ? -0.0 : 0.0;
  }
  p = stop;
  return value;
}

double parse_integer(const char*& p, const char* end) {
  constexpr int exact_digits = 15;
  const char* const digits = *p == '+' || *p == '-' ? p + 1 : p;
  const char* stop = digits;
  const auto magnitude = static_cast<double>(parse_digits(stop));
  if (stop == digits || !ends_word(stop)) refuse(p, "an integer");
  if (stop - digits > exact_digits) return parse_real(p, end);
  const double value = *p == '-' ? -magnitude : magnitude;
  p = stop;
  return value;
}

}  // namespace tutti::matrix_market
