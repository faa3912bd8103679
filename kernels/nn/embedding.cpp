#include <algorithm>

#include "kernels/nn/lanes.hpp"
#include "kernels/nn/nn.hpp"

namespace tutti::kernels::nn {

template <class T>
void embedding_forward(const EmbeddingShape& shape, const std::int32_t* tokens, const T* token,
                       const T* position, T* x) {
  const std::int64_t n = shape.width;
  for (std::int64_t s = 0; s < shape.sequences; ++s)
    for (std::int64_t t = 0; t < shape.context; ++t, ++tokens, x += n) {
      const T* const row = token + *tokens * n;
      TUTTI_INDEPENDENT
      for (std::int64_t c = 0; c < n; ++c) x[c] = row[c] + position[t * n + c];
    }
}

template <class T>
void embedding_backward(const EmbeddingShape& shape, const std::int32_t* tokens, const T* dx, Into into,
                        T* dtoken, T* dposition) {
  const std::int64_t n = shape.width;
  if (into == Into::write) std::fill(dtoken, dtoken + shape.vocabulary * n, T(0));
  std::fill(dposition, dposition + shape.context * n, T(0));
  for (std::int64_t s = 0; s < shape.sequences; ++s)
    for (std::int64_t t = 0; t < shape.context; ++t, ++tokens, dx += n) {
      T* const row = dtoken + *tokens * n;
      TUTTI_INDEPENDENT
      for (std::int64_t c = 0; c < n; ++c) {
        row[c] += dx[c];
        dposition[t * n + c] += dx[c];
      }
    }
}

template void embedding_forward(const EmbeddingShape&, const std::int32_t*, const float*, const float*,
                                float*);
template void embedding_backward(const EmbeddingShape&, const std::int32_t*, const float*, Into, float*,
                                 float*);
template void embedding_forward(const EmbeddingShape&, const std::int32_t*, const double*, const double*,
                                double*);
template void embedding_backward(const EmbeddingShape&, const std::int32_t*, const double*, Into, double*,
                                 double*);

}  // namespace tutti::kernels::nn
