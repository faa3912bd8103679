// Lists in messages.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

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

}  // namespace tutti
