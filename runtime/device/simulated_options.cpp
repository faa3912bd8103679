// What the simulated device has: as tests and the environment say.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "runtime/device/simulated.hpp"
#include "runtime/error.hpp"

namespace tutti {
namespace {

void read_number(const char* variable, std::uint64_t& value) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return;
  const char* end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, value);
  if (error != std::errc{} || at != end || value == 0)
    usage_error("{} takes a whole number of at least 1, not '{}'", variable, text);
}

/// One of the names: its number.
template <class T, std::size_t n>
void read_name(const char* variable, const std::array<std::string_view, n>& names, T& value) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return;
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end()) {
    std::string all(names[0]);
    for (std::size_t i = 1; i < n; ++i) all += (i + 1 < n ? ", " : " or ") + std::string(names[i]);
    usage_error("{} takes {}, not '{}'", variable, all, text);
  }
  value = static_cast<T>(found - names.begin());
}

}  // namespace

SimulatedOptions& SimulatedOptions::defaults() {
  static SimulatedOptions options;
  return options;
}

SimulatedOptions SimulatedOptions::from_environment() {
  SimulatedOptions o = defaults();
  read_number("TUTTI_SIMULATED_MEMORY", o.capacity_bytes);
  read_number("TUTTI_SIMULATED_SEED", o.seed);
  read_number("TUTTI_SIMULATED_DEVICES", o.devices);
  read_name("TUTTI_SIMULATED_MPI", std::array<std::string_view, 3>{"unaware", "aware", "wrong"}, o.host_view);
  read_name("TUTTI_SIMULATED_LOOPS", std::array<std::string_view, 2>{"no", "yes"}, o.has_loops);
  return o;
}

}  // namespace tutti
