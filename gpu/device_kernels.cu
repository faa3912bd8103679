#include <algorithm>

#include "gpu/cuda_check.hpp"
#include "gpu/device_kernels.hpp"
#include "gpu/load_kernel.cuh"

namespace tutti::gpu {
namespace {

constexpr std::uint64_t threads = 256;
constexpr std::uint64_t most_blocks = 4096;  // threads take further elements a grid apart

unsigned blocks_for(std::uint64_t elements) {
  return static_cast<unsigned>(std::min(most_blocks, (elements + threads - 1) / threads));
}

/// Unit u of the copy lies in plane u / (per_row rows), row u / per_row % rows.
template <class Unit>
__global__ void copy_units(const StridedCopy c, const std::uint64_t per_row) {
  const std::uint64_t total = per_row * c.rows * c.planes;
  for (std::uint64_t u = blockIdx.x * threads + threadIdx.x; u < total; u += gridDim.x * threads) {
    const std::uint64_t row = u / per_row % c.rows, plane = u / per_row / c.rows;
    const std::byte* from = c.from + plane * c.from_plane + row * c.from_row;
    std::byte* to = c.to + plane * c.to_plane + row * c.to_row;
    reinterpret_cast<Unit*>(to)[u % per_row] = reinterpret_cast<const Unit*>(from)[u % per_row];
  }
}

template <class Unit>
__global__ void gather_units(const Unit* from, const std::uint32_t* positions, const std::uint64_t count,
                             const std::uint32_t units, Unit* to) {
  const std::uint64_t total = count * units;
  for (std::uint64_t u = blockIdx.x * threads + threadIdx.x; u < total; u += gridDim.x * threads)
    to[u] = from[std::uint64_t{positions[u / units]} * units + u % units];
}

__global__ void add_one_value(std::int64_t* where, const std::int64_t by) { *where += by; }

/// The widest unit, up to 16 bytes, that divides all of these.
std::uint64_t common_unit(std::uint64_t bits) {
  for (const std::uint64_t unit : {16, 8, 4, 2})
    if (bits % unit == 0) return unit;
  return 1;
}

/// Calls launch(Unit{}) with a type of `unit` bytes.
template <class Launch>
void with_unit(std::uint64_t unit, const Launch& launch) {
  switch (unit) {
    case 16:
      return launch(uint4{});
    case 8:
      return launch(std::uint64_t{});
    case 4:
      return launch(std::uint32_t{});
    case 2:
      return launch(std::uint16_t{});
    default:
      return launch(std::uint8_t{});
  }
}

}  // namespace

void load_device_kernels() {
  for (const std::uint64_t unit : {16, 8, 4, 2, 1})
    with_unit(unit, [](auto type) {
      load_kernel(copy_units<decltype(type)>, "copy of rows");
      load_kernel(gather_units<decltype(type)>, "gather");
    });
  load_kernel(add_one_value, "add");
}

void copy_rows(const StridedCopy& c, cudaStream_t stream) {
  if (c.bytes() == 0) return;
  // a number whose lowest set bit is the lowest of all of them
  std::uint64_t bits =
      reinterpret_cast<std::uintptr_t>(c.from) | reinterpret_cast<std::uintptr_t>(c.to) | c.row_bytes;
  if (c.rows > 1) bits |= c.from_row | c.to_row;
  if (c.planes > 1) bits |= c.from_plane | c.to_plane;
  const std::uint64_t unit = common_unit(bits);
  with_unit(unit, [&](auto type) {
    copy_units<decltype(type)><<<blocks_for(c.bytes() / unit), threads, 0, stream>>>(c, c.row_bytes / unit);
  });
  check_launch("copy of rows");
}

void gather(const std::byte* from, const std::uint32_t* positions, std::uint64_t count,
            std::uint32_t element_bytes, std::byte* to, cudaStream_t stream) {
  if (count == 0) return;
  const std::uint64_t unit = common_unit(reinterpret_cast<std::uintptr_t>(from) |
                                         reinterpret_cast<std::uintptr_t>(to) | element_bytes);
  with_unit(unit, [&](auto type) {
    using Unit = decltype(type);
    gather_units<<<blocks_for(count * element_bytes / unit), threads, 0, stream>>>(
        reinterpret_cast<const Unit*>(from), positions, count,
        static_cast<std::uint32_t>(element_bytes / unit), reinterpret_cast<Unit*>(to));
  });
  check_launch("gather");
}

void add_to(std::int64_t* where, std::int64_t by, cudaStream_t stream) {
  add_one_value<<<1, 1, 0, stream>>>(where, by);
  check_launch("add");
}

}  // namespace tutti::gpu
