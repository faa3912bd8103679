// What stands in for oneTBB where it is not installed.
#include "miniapps/metg/system.hpp"
#include "runtime/error.hpp"

namespace metg {

std::unique_ptr<System> make_tbb_system(const Problem& /*problem*/, std::uint32_t /*workers*/,
                                        const std::vector<int>& /*cores*/) {
  tutti::usage_error("--against tbb: oneTBB was not found when this was built (Debian: libtbb-dev)");
}

}  // namespace metg
