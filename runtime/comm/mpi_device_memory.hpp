// Whether this MPI says of itself that it takes messages in memory of a CUDA device.
#pragma once

#include <string>

namespace tutti {

/// Why it does not; empty if it says so. After MPI_Init.
std::string mpi_refuses_device_memory();

}  // namespace tutti
