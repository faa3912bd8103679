// The bodies of kernels/nn, a function for each file that has some.
#pragma once

#include "gpu/bodies.hpp"

namespace tutti::gpu {

void add_linear(BodyTable& table);
void add_rows(BodyTable& table);       ///< layer norm, loss
void add_attention(BodyTable& table);  ///< heads of up to 128 values
void add_values(BodyTable& table);     ///< embedding, convolution, pooling
void add_updates(BodyTable& table);    ///< optimisers, and sums over shards

}  // namespace tutti::gpu
