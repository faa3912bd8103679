#include "kernels/stencil/stencil.hpp"

#include "kernels/kokkos.hpp"
#include "kernels/stencil/sweep.hpp"

namespace tutti::kernels {
namespace {

bool streams(Stores stores) { return stores == Stores::streaming; }

}  // namespace

Kernel heat5(double r, Stores stores) {
  return with_kokkos(make_kernel("heat5", StencilWrite<Heat5Cell>{{r}, streams(stores)}, {7, 16}));
}
Kernel heat7(double r, Stores stores) {
  return with_kokkos(make_kernel("heat7", StencilWrite<Heat7Cell>{{r}, streams(stores)}, {9, 16}));
}
Kernel heat27(double r, Stores stores) {
  return with_kokkos(make_kernel("heat27", StencilWrite<Heat27Cell>{{r}, streams(stores)}, {31, 16}));
}
Kernel wave2(double c, Stores stores) {
  return with_kokkos(make_kernel("wave2", StencilUpdate<Wave2Cell>{{c * c}, streams(stores)}, {11, 24}));
}
Kernel wave8(double c, Stores stores) {
  return with_kokkos(make_kernel("wave8", StencilUpdate<Wave8Cell>{{c * c}, streams(stores)}, {33, 24}));
}

}  // namespace tutti::kernels
