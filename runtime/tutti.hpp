// The sole public include of Tutti.
#pragma once

#include "runtime/data/collection.hpp"
#include "runtime/data/grid.hpp"
#include "runtime/data/dia_matrix.hpp"
#include "runtime/data/sparse_matrix.hpp"
#include "runtime/graph/recorder.hpp"
#include "runtime/report.hpp"
#include "runtime/runtime.hpp"
