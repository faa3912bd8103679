// An MPI that can be asked: MPIX_Query_cuda_support of Open MPI and MPICH.
#include <mpi.h>
#if __has_include(<mpi-ext.h>)  // Open MPI has it there, MPICH in mpi.h
#include <mpi-ext.h>
#endif

#include "runtime/comm/mpi_device_memory.hpp"

namespace tutti {

std::string mpi_refuses_device_memory() {
  return MPIX_Query_cuda_support() == 1 ? "" : "this MPI says that it has no CUDA support";
}

}  // namespace tutti
