// The sparse kernels and vector operations as mini-apps use them.
#pragma once

#include "kernels/blas1/blas1.hpp"
#include "kernels/sparse/grid_problem.hpp"
#include "kernels/sparse/sparse.hpp"
