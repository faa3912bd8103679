// The forward passes of nn.hpp in float64, written out as their formulas, loop by loop: the oracle of the
// fast bodies. Backward passes are checked against central differences of these.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/nn/nn.hpp"

namespace tutti::kernels::nn::reference {

using Values = std::vector<double>;
using Labels = std::vector<std::int32_t>;

Values linear(const LinearShape& shape, const Values& x, const Values& w, const Values& b);
Values relu(const RowsShape& shape, const Values& x, const Values& b);
Values gelu(const RowsShape& shape, const Values& x, const Values& b);
Values layer_norm(const RowsShape& shape, const Values& x, const Values& gain, const Values& bias);
double cross_entropy(const RowsShape& shape, const Values& logits, const Labels& labels);
Values convolution(const ConvolutionShape& shape, const Values& x, const Values& w, const Values& b);
Values max_pool(const PoolShape& shape, const Values& x);
Values average_pool(const PoolShape& shape, const Values& x);
Values embedding(const EmbeddingShape& shape, const Labels& tokens, const Values& token,
                 const Values& position);
Values attention(const AttentionShape& shape, const Values& qkv);

}  // namespace tutti::kernels::nn::reference
