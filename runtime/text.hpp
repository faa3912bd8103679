// Lists, sizes and numbers as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

namespace tutti {

/// The elements of a range as text, with `separator` between. (fmt::join makes gcc 12 warn of its own
/// header.)
template <class Range>
std::string joined(const Range& range, std::string_view separator) {
  std::string text;
  for (const auto& element : range) {
    if (!text.empty()) text += separator;
    text += fmt::format("{}", element);
  }
  return text;
}

/// "0x1.8p-3" and so on: exact.
inline std::vector<std::string> hexadecimal(const std::vector<double>& values) {
  std::vector<std::string> text;
  text.reserve(values.size());
  for (const double v : values) text.push_back(fmt::format("{:a}", v));
  return text;
}

/// "12 bytes", "1.5 MiB"
inline std::string readable_bytes(std::uint64_t bytes) {
  constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace tutti
