// How errors are thrown: with formatted messages.
#pragma once

#include <utility>

#include <fmt/core.h>

#include "runtime/exception.hpp"

namespace tutti {

/// Throws an Error of kind `usage` with a formatted message.
template <class... Args>
[[noreturn]] void usage_error(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(Status::usage, fmt::format(text, std::forward<Args>(args)...));
}

/// Throws an Error of kind `environment` with a formatted message.
template <class... Args>
[[noreturn]] void environment_error(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(Status::environment, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace tutti
