// Symmetric Gauss-Seidel on the device: a block of threads for each tile, level by level (sweeps.hpp). The
// values that change are in shared memory; the levels are found when a launch is prepared.
#include "gpu/sparse/sweeps.hpp"
#include "gpu/sparse/tiles.cuh"

namespace tutti::gpu {
namespace {

using Tile = DiaTile<double>;

constexpr std::uint32_t sweep_threads = 64;  // a level of a tile of 16^3 points has about 40 rows

/// A part of a matrix and its arrays, read back from the device.
struct HostPart {
  std::vector<std::uint32_t> first;
  std::vector<std::int32_t> column;
  std::vector<double> value;
  Tile::Part part;
  HostPart(const Tile::Part& there, std::uint32_t slices)
      : first(from_device(there.first, slices + 1)),
        column(from_device(there.column, first[slices])),
        value(from_device(there.value, 2 * there.odd)),
        part{first.data(), nullptr, column.data(), value.data(), there.odd} {}
};

template <bool from_zero, bool with_dot>
__global__ void __launch_bounds__(sweep_threads, 8)
    sweeps(const Parts parts, const TileScratch scratch, const SweepLevels* levels) {
  extern __shared__ double shared[];
  const Argument* a = parts.arguments + std::size_t{blockIdx.x} * parts.per_part;
  double* memory = scratch.global != nullptr ? scratch.global + blockIdx.x * scratch.stride : shared;
  const Tile& tile = *static_cast<const Tile*>(a[0].data);
  const auto* r = static_cast<const double*>(a[parts.per_part - 2].data);
  auto* out = static_cast<double*>(a[parts.per_part - 1].data);
  const Thread me{threadIdx.x, sweep_threads};
  const SweepLevels level = levels[blockIdx.x];
  const auto barrier = [] { __syncthreads(); };

  double* z = memory + Tile::lanes;
  const std::uint32_t z_count = from_zero ? tile.rows : tile.columns;
  clear_padding<Tile>(me, z_count, z);
  if constexpr (from_zero) {
    for (std::uint32_t row = me.t; row < tile.rows; row += me.threads) z[row] = 0;
    __syncthreads();
    for_levels(
        me, level.forward, [&](std::uint32_t row) { forward_from_zero(tile, row, r, z); }, barrier);
    for_levels(
        me, level.backward, [&](std::uint32_t row) { backward_from_zero(tile, row, z, out); }, barrier);
  } else {
    double* change = z + z_count + 2 * Tile::lanes;
    clear_padding<Tile>(me, tile.rows, change);
    for (std::uint32_t row = me.t; row < tile.rows; row += me.threads) change[row] = 0;
    fetch_columns(me, detail::ParameterOf<Columns<double>>::get(a[1]), z);
    __syncthreads();
    for_levels(
        me, level.forward, [&](std::uint32_t row) { forward_from(tile, row, r, z, change); }, barrier);
    for_levels(
        me, level.backward, [&](std::uint32_t row) { backward_from(tile, row, z, change, out); }, barrier);
  }
  if constexpr (with_dot) {
    for (std::uint32_t row = me.t; row < tile.rows; row += me.threads) z[row] = r[row] * out[row];
    const double sum = block_lane_sum(z, tile.rows);
    if (me.t == 0) *static_cast<double*>(parts.results[blockIdx.x]) = sum;
  }
}

template <bool from_zero, bool with_dot>
class SweepLaunch : public CudaLaunch {
 public:
  static std::unique_ptr<CudaLaunch> prepare(const DeviceLaunch& launch) {
    return std::make_unique<SweepLaunch>(launch);
  }
  explicit SweepLaunch(const DeviceLaunch& launch)
      : name_(launch.kernel.name), table_(launch, std::vector<std::uint64_t>(launch.parts.size(), 1)) {
    std::uint64_t values = 0;
    std::vector<SweepLevels> levels;
    for (const LaunchPart& p : launch.parts) {
      const Tile tile = tile_on_device<Tile>(launch.arguments[p.first]);
      values = std::max<std::uint64_t>(
          values, from_zero ? tile.rows + 2 * Tile::lanes : tile.columns + tile.rows + 4 * Tile::lanes);
      const HostPart lower(tile.lower, tile.slices), upper(tile.upper, tile.slices);
      Tile host = tile;
      host.lower = lower.part;
      host.upper = upper.part;
      levels.push_back({keep(forward_levels(host)), keep(backward_levels(host))});
    }
    levels_ = DeviceArray<SweepLevels>(levels);
    memory_ = TileMemory(sweeps<from_zero, with_dot>, name_, values, launch.parts.size());
  }

  void run(cudaStream_t stream) override {
    if (table_.blocks() == 0) return;
    sweeps<from_zero, with_dot><<<table_.blocks(), sweep_threads, memory_.shared_bytes(), stream>>>(
        table_.parts(), memory_.scratch(), levels_.data());
    check_launch(name_);
  }

 private:
  Levels keep(const LevelLists& lists) {
    arrays_.emplace_back(lists.first);
    const std::uint32_t* first = arrays_.back().data();
    arrays_.emplace_back(lists.order);
    return {first, arrays_.back().data(), static_cast<std::uint32_t>(lists.first.size() - 1)};
  }

  std::string name_;
  PartTable table_;
  TileMemory memory_;
  std::vector<DeviceArray<std::uint32_t>> arrays_;
  DeviceArray<SweepLevels> levels_;
};

}  // namespace

void add_gauss_seidel(BodyTable& table) {
  const std::string dia = element_type<Tile>().name;
  table.add("gauss_seidel_zero", dia, &SweepLaunch<true, false>::prepare);
  table.add("gauss_seidel_zero_dot", dia, &SweepLaunch<true, true>::prepare);
  table.add("gauss_seidel", dia, &SweepLaunch<false, false>::prepare);
  table.add("gauss_seidel_dot", dia, &SweepLaunch<false, true>::prepare);
}

}  // namespace tutti::gpu
