// The border to Kokkos: one body for all kernels, its start and its end. One implementation uses Kokkos
// (kokkos.cpp), its null twin does nothing (no_kokkos.cpp).
#pragma once

#include <string>
#include <utility>

#include "runtime/data/kernel.hpp"

namespace tutti::kernels {

/// Runs a kernel over a whole block through Kokkos' default host execution space: one parallel loop over
/// pieces of the block, each of which is a tile to the kernel. Serves every kernel whose fields are read and
/// written through views (no tiles(fn)). nullptr without Kokkos.
BlockBody kokkos_body();

/// The kernel with that body.
inline Kernel with_kokkos(Kernel kernel) {
  kernel.kokkos = kokkos_body();
  return kernel;
}

/// Starts Kokkos with this many threads (a backend without threads uses one), unless it is running. Call it
/// and kokkos_finalize() from the main thread, once each per process. Without Kokkos they do nothing.
void kokkos_initialize(int threads);
void kokkos_finalize();
/// Version and execution space, for reports: "Kokkos 3.7.1, Serial"; "none" without Kokkos.
std::string kokkos_description();

}  // namespace tutti::kernels
