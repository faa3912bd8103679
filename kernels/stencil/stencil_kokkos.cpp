// The Kokkos bodies of the stencil kernels, and Kokkos' start and end.
#include "kernels/bodies.hpp"
#include "kernels/launch_kokkos.hpp"
#include "kernels/stencil/sweep.hpp"

namespace tutti::kernels {
namespace {

// Rows per piece: neighbouring rows stay in one thread's cache.
constexpr std::int64_t piece_rows = 32;

// Both arguments of all stencils are views of the same box; the second is written.
template <class Functor, class Cell>
void run(const void* functor, const Task&, const Argument* arguments, void*) {
  const auto& f = *static_cast<const Functor*>(functor);
  const Argument u = arguments[0], out = arguments[1];
  const std::int64_t rows = out.box.extent(1);
  const std::int64_t per_group = (rows + piece_rows - 1) / piece_rows;
  const std::int64_t planes = detail::planes_at_once<Cell>;
  const std::int64_t groups = (out.box.extent(0) + planes - 1) / planes;
  launch_kokkos("stencil", per_group * groups, [=](std::int64_t q) {
    Box box = out.box;
    box.lo[0] += q / per_group * planes;
    box.hi[0] = std::min(out.box.hi[0], box.lo[0] + planes);
    box.lo[1] += q % per_group * piece_rows;
    box.hi[1] = std::min(out.box.hi[1], box.lo[1] + piece_rows);
    const auto part = [&](const Argument& a, auto view) {
      view.data = static_cast<decltype(view.data)>(a.data) + (box.lo[0] - a.box.lo[0]) * a.stride0 +
                  (box.lo[1] - a.box.lo[1]) * a.stride1;
      view.stride0 = a.stride0;
      view.stride1 = a.stride1;
      view.box = box;
      return view;
    };
    sweep(f.cell, part(u, View<const double>{}), part(out, View<double>{}), f.streaming);
  });
}

}  // namespace

Body kokkos_body(std::string_view name) {
  if (name == "heat5") return &run<StencilWrite<Heat5Cell>, Heat5Cell>;
  if (name == "heat7") return &run<StencilWrite<Heat7Cell>, Heat7Cell>;
  if (name == "heat27") return &run<StencilWrite<Heat27Cell>, Heat27Cell>;
  if (name == "wave2") return &run<StencilUpdate<Wave2Cell>, Wave2Cell>;
  if (name == "wave8") return &run<StencilUpdate<Wave8Cell>, Wave8Cell>;
  return nullptr;
}

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
