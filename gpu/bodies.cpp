#include "gpu/bodies.hpp"

#include "gpu/nn/nets.hpp"

namespace tutti::gpu {

BodyTable::BodyTable(Bodies bodies) {
  add_stencils(*this, bodies);
  add_vectors(*this);
  add_scalars(*this);
  add_sparse(*this);
  add_gauss_seidel(*this);
  add_linear(*this);
  add_rows(*this);
  add_attention(*this);
  add_values(*this);
  add_updates(*this);
}

Prepare BodyTable::find(const Kernel& kernel) const {
  if (!kernel.parameters.empty() && kernel.parameters[0].object) {
    const auto at = by_matrix_.find(kernel.name + " of " + kernel.parameters[0].type.name);
    return at == by_matrix_.end() ? nullptr : at->second;
  }
  if (kernel.functor_type == nullptr) return nullptr;
  const auto at = by_functor_.find(std::type_index(*kernel.functor_type));
  if (at == by_functor_.end() || (at->second.fits != nullptr && !at->second.fits(kernel))) return nullptr;
  return at->second.prepare;
}

}  // namespace tutti::gpu
