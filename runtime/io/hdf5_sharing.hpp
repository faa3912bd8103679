// How the ranks of a job share one HDF5 file. Two twins: hdf5_mpi.cpp for parallel HDF5, hdf5_serial.cpp.
#pragma once

#include <hdf5.h>

#include "runtime/comm/transport.hpp"

namespace tutti {

/// Whether all ranks open the file together and transfer collectively. Otherwise rank 0 alone does, and data
/// travels through the transport. True only where the transport's ranks are those of MPI_COMM_WORLD and there
/// are several: simulated ranks and single processes need no MPI-IO.
bool opens_together(const Transport& transport);

/// Sets the properties for opening a file and for transfers where opens_together() is true.
void share_by_mpi(hid_t file_access, hid_t transfer);

/// "parallel" or "serial"
const char* sharing_description();

}  // namespace tutti
