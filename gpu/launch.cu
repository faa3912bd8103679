#include "gpu/launch.cuh"

namespace tutti::gpu {

PartTable::PartTable(const DeviceLaunch& launch, const std::vector<std::uint64_t>& blocks)
    : count_(static_cast<std::uint32_t>(launch.parts.size())),
      per_part_(static_cast<std::uint32_t>(launch.kernel.parameters.size())) {
  std::vector<Argument> arguments;
  std::vector<void*> results;
  std::vector<std::uint32_t> first{0};
  std::uint64_t total = 0;
  for (std::size_t p = 0; p < launch.parts.size(); ++p) {
    const auto from = launch.arguments.begin() + static_cast<std::ptrdiff_t>(launch.parts[p].first);
    arguments.insert(arguments.end(), from, from + per_part_);
    results.push_back(launch.parts[p].result);
    total += blocks[p];
    if (total > 0x7fffffffU)  // the largest grid
      throw Error(Status::usage, "kernel '" + launch.kernel.name + "': " + std::to_string(launch.cells()) +
                                     " cells are too many for one launch; use more ranks");
    first.push_back(static_cast<std::uint32_t>(total));
  }
  blocks_ = static_cast<std::uint32_t>(total);
  arguments_ = DeviceArray<Argument>(arguments);
  results_ = DeviceArray<void*>(results);
  first_block_ = DeviceArray<std::uint32_t>(first);
}

}  // namespace tutti::gpu
