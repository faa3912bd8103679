#include "gpu/nn/product.hpp"

#include <cstdlib>
#include <string>

#include "runtime/exception.hpp"

namespace tutti::gpu {

Product merged(const Product& p) {
  const bool follows = p.b.batch_stride == 0 && !p.a.transposed && p.a.batch_stride == p.m * p.a.stride &&
                       p.batch_stride == p.m * p.stride;
  if (p.batch == 1 || !follows) return p;
  Product all = p;
  all.m = p.m * p.batch;
  all.batch = 1;
  all.a.batch_stride = all.batch_stride = 0;
  return all;
}

Precision product_precision() {
  const char* const word = std::getenv("TUTTI_CUDA_PRODUCTS");
  const std::string wanted = word == nullptr ? "tf32" : word;
  if (wanted == "float32") return Precision::float32;
  if (wanted == "tf32") return Precision::tf32;
  if (wanted == "bf16") return Precision::bf16;
  throw Error(Status::usage, "TUTTI_CUDA_PRODUCTS is '" + wanted + "'; there are float32, tf32 and bf16");
}

}  // namespace tutti::gpu
