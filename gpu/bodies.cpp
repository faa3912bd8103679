#include "gpu/bodies.hpp"

namespace tutti::gpu {

BodyTable::BodyTable(Bodies bodies) {
  add_stencils(*this, bodies);
  add_vectors(*this);
  add_sparse(*this);
}

Prepare BodyTable::find(const Kernel& kernel) const {
  if (kernel.functor_type == nullptr) return nullptr;
  const auto at = table_.find(std::type_index(*kernel.functor_type));
  return at == table_.end() ? nullptr : at->second;
}

}  // namespace tutti::gpu
