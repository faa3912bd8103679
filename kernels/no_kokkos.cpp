// The null twin of kokkos.cpp.
#include "kernels/kokkos.hpp"

namespace tutti::kernels {

BlockBody kokkos_body() { return nullptr; }
void kokkos_initialize(int) {}
void kokkos_finalize() {}
std::string kokkos_description() { return "none"; }

}  // namespace tutti::kernels
