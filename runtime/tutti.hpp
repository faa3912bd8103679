#pragma once
// The sole public include of Tutti.
#include "runtime/data/collection.hpp"
#include "runtime/graph/recorder.hpp"
#include "runtime/runtime.hpp"
