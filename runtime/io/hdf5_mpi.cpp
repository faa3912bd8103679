#include <mpi.h>

#include "runtime/io/hdf5_sharing.hpp"

namespace tutti {

bool opens_together(const Transport& transport) {
  int initialised = 0;
  MPI_Initialized(&initialised);
  if (initialised == 0 || transport.ranks() < 2) return false;
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  return static_cast<std::uint32_t>(ranks) == transport.ranks();
}

void share_by_mpi(hid_t file_access, hid_t transfer) {
  H5Pset_fapl_mpio(file_access, MPI_COMM_WORLD, MPI_INFO_NULL);
  H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE);
}

const char* sharing_description() { return "parallel"; }

}  // namespace tutti
