// The stencil kernels as mini-apps use them.
#pragma once

#include "kernels/kokkos.hpp"
#include "kernels/stencil/stencil.hpp"
