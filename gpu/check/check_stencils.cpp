#include <algorithm>
#include <vector>

#include "gpu/check/checks.hpp"
#include "kernels/stencil/stencil.hpp"

namespace tutti::gpu_check {
namespace {

/// A box of cells with ghosts on all sides. `aligned`: rows start at multiples of 64 bytes, as in stores.
struct Cells {
  Index3 extents;
  std::int64_t ghosts, stride0, stride1, offset;
  std::vector<double> memory;

  Cells(Bench& bench, const Index3& extents, std::int64_t ghosts, bool aligned)
      : extents(extents), ghosts(ghosts) {
    const std::int64_t unit = aligned ? 8 : 1;
    const auto up = [&](std::int64_t n) { return (n + unit - 1) / unit * unit; };
    const std::int64_t before = up(ghosts);
    stride1 = before + up(extents[2] + ghosts);
    stride0 = stride1 * (extents[1] + 2 * ghosts);
    offset = ghosts * stride0 + ghosts * stride1 + before;
    memory.resize(static_cast<std::size_t>(stride0 * (extents[0] + 2 * ghosts)) + 8);
    bench.fill(memory);
  }
  Argument argument(const Box& box) {
    Argument a;
    a.data = memory.data() + offset + box.lo[0] * stride0 + box.lo[1] * stride1 + box.lo[2];
    a.stride0 = stride0;
    a.stride1 = stride1;
    a.box = box;
    return a;
  }
};

/// The box in pieces: planes at both ends and what is between, as a rank with neighbours has them.
std::vector<Box> pieces(const Index3& n) {
  const Box whole{{0, 0, 0}, n};
  if (n[0] < 3) return {whole};
  Box first = whole, middle = whole, last = whole;
  first.hi[0] = middle.lo[0] = 1;
  middle.hi[0] = last.lo[0] = n[0] - 1;
  return {first, middle, last};
}

void stencil(Bench& bench, const Kernel& kernel, const Index3& extents, bool aligned) {
  const std::int64_t radius = kernel.parameters[0].radius;
  Cells u(bench, extents, radius, aligned), out(bench, extents, aligned ? radius : 0, aligned);
  std::vector<std::vector<Argument>> parts;
  for (const Box& box : pieces(extents)) parts.push_back({u.argument(box), out.argument(box)});
  const std::string size = std::to_string(extents[0]) + " x " + std::to_string(extents[1]) + " x " +
                           std::to_string(extents[2]) + (aligned ? "" : ", not aligned");
  compare(bench, kernel.name + " " + size, kernel, parts, {&u.memory, &out.memory}, {&out.memory});
}

}  // namespace

void check_stencils(Bench& bench) {
  using namespace kernels;
  const std::vector<Kernel> all{heat7(0.11), heat27(0.21), wave2(0.4), wave8(0.3)};
  for (const Kernel& k : all) {
    stencil(bench, k, {bench.between(20, 60), bench.between(20, 60), bench.between(70, 200)}, true);
    stencil(bench, k, {bench.between(17, 40), bench.between(9, 40), 2 * bench.between(20, 60) + 1}, true);
    stencil(bench, k, {bench.between(1, 20), bench.between(1, 20), bench.between(1, 70)}, false);
  }
  stencil(bench, heat5(0.2), {1, bench.between(50, 200), bench.between(50, 200)}, true);
}

}  // namespace tutti::gpu_check
