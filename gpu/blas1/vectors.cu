// The vector kernels on the device. Each reads and writes every vector once, and those that return a sum form
// it with the host's bits, in the same pass: the generic launcher is all they need.
#include "gpu/launch.cuh"
#include "kernels/blas1/functors.hpp"

namespace tutti::gpu {
namespace {

template <class... Functor>
void add_generic(BodyTable& table) {
  (table.add<Functor>(&GenericLaunch<Functor>::prepare), ...);
}

}  // namespace

void add_vectors(BodyTable& table) {
  using namespace tutti::kernels;
  add_generic<Axpy, Xpby, Dot, Norm2, CgUpdate, PipelinedUpdate, RandomVector>(table);
}

}  // namespace tutti::gpu
