#include "kernels/stencil/stencil.hpp"

#include "kernels/bodies.hpp"
#include "kernels/stencil/sweep.hpp"

namespace tutti::kernels {
namespace {

template <class Functor>
Kernel stencil(const char* name, Functor functor, Cost cost) {
  Kernel k = make_kernel(name, functor, cost);
  k.kokkos = kokkos_body(name);
  return k;
}

bool streams(Stores stores) { return stores == Stores::streaming; }

}  // namespace

Kernel heat5(double r, Stores stores) {
  return stencil("heat5", StencilWrite<Heat5Cell>{{r}, streams(stores)}, {7, 16});
}
Kernel heat7(double r, Stores stores) {
  return stencil("heat7", StencilWrite<Heat7Cell>{{r}, streams(stores)}, {9, 16});
}
Kernel heat27(double r, Stores stores) {
  return stencil("heat27", StencilWrite<Heat27Cell>{{r}, streams(stores)}, {31, 16});
}
Kernel wave2(double c, Stores stores) {
  return stencil("wave2", StencilUpdate<Wave2Cell>{{c * c}, streams(stores)}, {11, 24});
}
Kernel wave8(double c, Stores stores) {
  return stencil("wave8", StencilUpdate<Wave8Cell>{{c * c}, streams(stores)}, {33, 24});
}

}  // namespace tutti::kernels
