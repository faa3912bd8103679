// Kernels through Kokkos 3.4 to 5.x.
#include "kernels/kokkos.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <Kokkos_Core.hpp>

namespace tutti::kernels {
namespace {

// Cells per piece along dimensions 0 and 1; rows stay whole. Neighbouring rows stay in one thread's cache.
constexpr std::int64_t piece_planes = 8;
constexpr std::int64_t piece_rows = 32;

Argument part(const Argument& whole, const Box& box, const Parameter& parameter) {
  if (parameter.scalar) return whole;
  Argument a = whole;
  const auto elements =
      (box.lo[0] - whole.box.lo[0]) * whole.stride0 + (box.lo[1] - whole.box.lo[1]) * whole.stride1;
  a.data =
      static_cast<std::byte*>(whole.data) + elements * static_cast<std::int64_t>(parameter.type.size_bytes);
  a.box = box;
  return a;
}

void run(const Kernel& kernel, const Task& task, const Argument* arguments) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  // 64-bit indices throughout: mixing in an int stops gcc 12 from vectorising
  using Policy = Kokkos::RangePolicy<Space, Kokkos::IndexType<std::int64_t>>;
  const Box& block = task.box;
  const std::int64_t across = (block.extent(1) + piece_rows - 1) / piece_rows;
  const std::int64_t pieces = across * ((block.extent(0) + piece_planes - 1) / piece_planes);
  const Kernel* k = &kernel;
  const Task* whole = &task;
  Kokkos::parallel_for(kernel.name, Policy(0, pieces), [=](const std::int64_t q) {
    Task piece = *whole;
    piece.first_of_rank = q == 0;
    piece.box.lo[0] += q / across * piece_planes;
    piece.box.hi[0] = std::min(whole->box.hi[0], piece.box.lo[0] + piece_planes);
    piece.box.lo[1] += q % across * piece_rows;
    piece.box.hi[1] = std::min(whole->box.hi[1], piece.box.lo[1] + piece_rows);
    constexpr std::size_t most = 16;
    Argument parts[most];
    const std::size_t count = std::min(most, k->parameters.size());
    for (std::size_t i = 0; i < count; ++i) parts[i] = part(arguments[i], piece.box, k->parameters[i]);
    k->tile(k->functor.get(), piece, parts, nullptr);
  });
  Space().fence();
}

}  // namespace

BlockBody kokkos_body() { return &run; }

void kokkos_initialize(int threads) {
  if (Kokkos::is_initialized()) return;
#if KOKKOS_VERSION >= 30700
  Kokkos::initialize(Kokkos::InitializationSettings().set_num_threads(threads).set_disable_warnings(true));
#else
  Kokkos::InitArguments arguments;
  arguments.num_threads = threads;
  arguments.disable_warnings = true;
  Kokkos::initialize(arguments);
#endif
}

void kokkos_finalize() {
  if (Kokkos::is_initialized()) Kokkos::finalize();
}

std::string kokkos_description() {
  return "Kokkos " + std::to_string(KOKKOS_VERSION / 10000) + "." +
         std::to_string(KOKKOS_VERSION / 100 % 100) + "." + std::to_string(KOKKOS_VERSION % 100) + ", " +
         Kokkos::DefaultHostExecutionSpace::name();
}

}  // namespace tutti::kernels
