// How a body is run on the host: row by row, by the worker that has the tile. Kokkos launches
// whole blocks as many such tiles: kokkos.hpp.
#pragma once

#include <cstdint>

// Before a loop: its iterations do not depend on each other.
#if defined(__clang__)
#define TUTTI_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define TUTTI_INDEPENDENT _Pragma("GCC ivdep")
#else
#define TUTTI_INDEPENDENT
#endif

// After a lambda's parameters: it is inlined wherever it is called.
#define TUTTI_INLINE __attribute__((always_inline))

namespace tutti::kernels {

/// Calls row(i, j) for all rows of a tile, j fastest. 64-bit indices: narrower ones can stop vectorisation.
template <class Row>
void for_rows(std::int64_t planes, std::int64_t rows, Row row) {
  for (std::int64_t i = 0; i < planes; ++i)
    for (std::int64_t j = 0; j < rows; ++j) row(i, j);
}

}  // namespace tutti::kernels
