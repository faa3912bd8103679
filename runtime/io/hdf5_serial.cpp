#include "runtime/io/hdf5_sharing.hpp"

namespace tutti {

bool opens_together(const Transport&) { return false; }
void share_by_mpi(hid_t, hid_t) {}
const char* sharing_description() { return "serial"; }

}  // namespace tutti
