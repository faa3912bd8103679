// How a body is run through Kokkos: one parallel loop over the rows of a block, on the default host execution
// space, whatever backend it has. Works with Kokkos 3.4 to 5.x.
#pragma once

#include <cstdint>

#include <Kokkos_Core.hpp>

namespace tutti::kernels {

/// Calls piece(q) for 0 <= q < count and waits. 64-bit indices throughout: mixing in an int stops gcc 12 from
/// vectorising the row.
template <class Piece>
void launch_kokkos(const char* label, std::int64_t count, const Piece& piece) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  using Policy = Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>;
  Kokkos::parallel_for(label, Policy(0, count), [=](const std::int64_t q) { piece(q); });
  Space().fence();
}

}  // namespace tutti::kernels
