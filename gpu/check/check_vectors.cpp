#include <vector>

#include "gpu/check/checks.hpp"
#include "kernels/blas1/blas1.hpp"

namespace tutti::gpu_check {
namespace {

/// The kernel on vectors of all its parameters that are not scalars, in tiles of different lengths.
void vectors(Bench& bench, const Kernel& kernel) {
  const std::vector<std::int64_t> lengths{bench.between(1, 15), 4096, bench.between(2000, 9000), 2048, 7};
  std::int64_t n = 0;
  for (const std::int64_t length : lengths) n += length;

  std::vector<std::vector<double>> data(kernel.parameters.size());
  std::vector<std::vector<double>*> arrays, written;
  for (std::size_t i = 0; i < data.size(); ++i) {
    data[i].resize(kernel.parameters[i].scalar ? 1 : static_cast<std::size_t>(n));
    bench.fill(data[i]);
    arrays.push_back(&data[i]);
    if (kernel.parameters[i].mode != Mode::read) written.push_back(&data[i]);
  }
  std::vector<std::vector<Argument>> parts;
  std::int64_t first = 0;
  for (const std::int64_t length : lengths) {
    auto& part = parts.emplace_back();
    for (std::size_t i = 0; i < data.size(); ++i) {
      Argument a;
      a.data = data[i].data() + (kernel.parameters[i].scalar ? 0 : first);
      a.stride0 = a.stride1 = n;
      a.box = {{0, 0, first}, {1, 1, first + length}};
      part.push_back(a);
    }
    first += length;
  }
  compare(bench, kernel.name + " " + std::to_string(n), kernel, parts, arrays, written);
}

}  // namespace

void check_vectors(Bench& bench) {
  using namespace kernels;
  for (const Kernel& k :
       {axpy(), xpby(), dot(), norm2(), cg_update(), pipelined_update(), random_vector(bench.random())})
    vectors(bench, k);
}

}  // namespace tutti::gpu_check
