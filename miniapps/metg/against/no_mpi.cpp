// What stands in for plain MPI in a build without it.
#include "miniapps/metg/system.hpp"
#include "runtime/error.hpp"

namespace metg {

std::unique_ptr<System> make_mpi_system(const Problem& /*problem*/) {
  tutti::usage_error("--against mpi: this build has no MPI (configure with -DTUTTI_MPI=ON)");
}

}  // namespace metg
