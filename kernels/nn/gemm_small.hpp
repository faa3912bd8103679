// Products without packing: where b is small, or a has few rows, to copy b costs more than it saves.
#pragma once

#include "kernels/nn/gemm.hpp"

namespace tutti::kernels::nn {

/// Whether small_product() is the quicker one; it has none of two transposed factors.
bool is_small(std::int64_t m, std::int64_t n, std::int64_t k, bool a_transposed, bool b_transposed);

/// c = a b + plus, for k of at most k_block, with the bits of own_gemm.
template <class T>
void small_product(std::int64_t m, std::int64_t n, std::int64_t k, const Factor<T>& a, const Factor<T>& b,
                   const Plus<T>& plus, T* c, std::int64_t stride);

}  // namespace tutti::kernels::nn
