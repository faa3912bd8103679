// What the simulated device has: as tests and the environment say.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
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

void read_view(const char* variable, HostView& view) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return;
  constexpr std::array<std::string_view, 3> names{"unaware", "aware", "wrong"};
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end()) usage_error("{} takes unaware, aware or wrong, not '{}'", variable, text);
  view = static_cast<HostView>(found - names.begin());
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
  read_view("TUTTI_SIMULATED_MPI", o.host_view);
  return o;
}

}  // namespace tutti
