// The sole public include of Tutti.
#pragma once

#include "runtime/data/collection.hpp"
#include "runtime/graph/recorder.hpp"
#include "runtime/report.hpp"
#include "runtime/runtime.hpp"
