// The border to Kokkos: the explicit table of its bodies, its start and its end. One implementation uses
// Kokkos (kernels/stencil/stencil_kokkos.cpp), its null twin does nothing (kernels/no_kokkos.cpp).
#pragma once

#include <string>
#include <string_view>

#include "runtime/data/kernel.hpp"

namespace tutti::kernels {

/// The body that runs a kernel over a whole block through Kokkos' default host execution space; nullptr if
/// there is none. It must be given the functor of the kernel of that name.
Body kokkos_body(std::string_view kernel_name);

/// Starts Kokkos with this many threads (a backend without threads uses one), unless it is running. Call it
/// and kokkos_finalize() from the main thread, once each per process. Without Kokkos they do nothing.
void kokkos_initialize(int threads);
void kokkos_finalize();
/// Version and execution space, for reports: "Kokkos 3.7.1, Serial"; "none" without Kokkos.
std::string kokkos_description();

}  // namespace tutti::kernels
