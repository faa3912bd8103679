// An MPI that cannot be asked for CUDA support.
#include "runtime/comm/mpi_device_memory.hpp"

namespace tutti {

std::string mpi_refuses_device_memory() { return "this MPI cannot say whether it has CUDA support"; }

}  // namespace tutti
