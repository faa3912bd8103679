// The stencil kernels as mini-apps use them.
#pragma once

#include "kernels/bodies.hpp"
#include "kernels/stencil/stencil.hpp"
