// Sums over shards and optimisers: a thread for each parameter adds up its gradient in the tree's order, with
// the host's bits, and changes it.
#include "gpu/nn/launch.cuh"
#include "gpu/nn/nets.hpp"
#include "gpu/nn/values.hpp"
#include "kernels/nn/updates.hpp"

namespace tutti::gpu {
namespace {

/// The trees that parts use, one after the other.
struct Trees {
  const std::uint8_t* merges;
  const std::uint32_t* first;    ///< of each part, in merges
  const std::int64_t* elements;  ///< of each part: the first element of the terms that it has
};
class TreeTable {
 public:
  /// tree(part) and first(part) of each part of the launch.
  template <class Tree, class First>
  TreeTable(const DeviceLaunch& launch, const Tree& tree, const First& first) {
    std::vector<std::uint8_t> merges;
    std::vector<std::uint32_t> starts;
    std::vector<std::int64_t> elements;
    std::vector<const ShardTree*> known;
    std::vector<std::uint32_t> places;
    for (const LaunchPart& part : launch.parts) {
      const ShardTree& t = tree(part);
      const auto at = std::find(known.begin(), known.end(), &t);
      if (at == known.end()) {
        known.push_back(&t);
        places.push_back(static_cast<std::uint32_t>(merges.size()));
        merges.insert(merges.end(), t.merges().begin(), t.merges().end());
        starts.push_back(places.back());
      } else {
        starts.push_back(places[static_cast<std::size_t>(at - known.begin())]);
      }
      elements.push_back(first(part));
    }
    merges_ = DeviceArray<std::uint8_t>(merges);
    starts_ = DeviceArray<std::uint32_t>(starts);
    elements_ = DeviceArray<std::int64_t>(elements);
  }
  Trees trees() const { return {merges_.data(), starts_.data(), elements_.data()}; }

 private:
  DeviceArray<std::uint8_t> merges_;
  DeviceArray<std::uint32_t> starts_;
  DeviceArray<std::int64_t> elements_;
};

/// Element i of a part's sum: its first argument is the list of terms.
__device__ float tree_sum(const Trees& trees, const BlockPlace& place, std::int64_t i) {
  const auto* terms = static_cast<const Input<float>*>(place.arguments[0].data);
  const std::int64_t at = trees.elements[place.part] + i;
  return sum_in_tree<float>(trees.merges + trees.first[place.part], place.arguments[0].input_count,
                            [&](std::uint32_t k) { return terms[k].data[at]; });
}

/// Blocks of elements_of_block elements for each part.
std::shared_ptr<const PartTable> element_table(const DeviceLaunch& launch) {
  std::vector<std::uint64_t> blocks;
  for (const LaunchPart& p : launch.parts)
    blocks.push_back(static_cast<std::uint64_t>(blocks_of(p.task.box.extent(2), elements_of_block)));
  return std::make_shared<const PartTable>(launch, blocks);
}

// terms, partial
__global__ void __launch_bounds__(block_threads) partial_sums(const Trees trees, const Parts parts) {
  const BlockPlace place = block_place(parts);
  float* to = data(place.arguments, 1);
  for_elements(place, place.arguments[1].box.extent(2),
               [&](std::int64_t i) { to[i] = tree_sum(trees, place, i); });
}

std::unique_ptr<CudaLaunch> partial_sum(const DeviceLaunch& launch) {
  const auto& f = functor_of<PartialSum<float>>(launch);
  const std::string name = launch.kernel.name;
  load_kernel(partial_sums, name);
  const auto trees = std::make_shared<const TreeTable>(
      launch, [&](const LaunchPart& p) -> const ShardTree& { return f.trees[f.subtree(p.task)]; },
      [&](const LaunchPart& p) { return f.first(p.task); });
  const auto table = element_table(launch);
  auto steps = std::make_unique<Steps>();
  steps->add([=](cudaStream_t stream) {
    if (table->blocks() == 0) return;
    partial_sums<<<table->blocks(), block_threads, 0, stream>>>(trees->trees(), table->parts());
    check_launch(name);
  });
  return steps;
}

// ---- optimisers: partial, first, state ..., w
// ---------------------------------------------------------------

/// A stretch of a group, and how much its weights decay.
struct Stretches {
  const nn::Stretch* list;
  std::uint32_t count;
};
/// Of an element of the group; the last stretch that begins at or before it.
__device__ double decay_of(const Stretches& stretches, std::int64_t element) {
  double decay = 0;
  for (std::uint32_t s = 0; s < stretches.count && stretches.list[s].begin <= element; ++s)
    decay = stretches.list[s].weight_decay;
  return decay;
}

/// What an optimiser shares with all elements: the step of training, and its rate.
struct StepRate {
  std::int64_t step;
  double rate;
};
__device__ StepRate step_rate(const Rate& schedule, const BlockPlace& place, const std::int64_t* step) {
  const std::int64_t number = *static_cast<const std::int64_t*>(place.arguments[1].data) + *step;
  return {number, rate_at(schedule, number)};
}

struct SgdBody {
  using Functor = nn::SgdUpdate<float>;
  float momentum;
  static SgdBody of(const Functor& f) { return {static_cast<float>(f.momentum)}; }
  using Factors = SgdFactors;
  __device__ Factors factors(const StepRate& now) const {
    return {static_cast<float>(now.rate), momentum, 0};
  }
  __device__ void update(const Factors& f, double rate, double decay, float gradient, const Argument* a,
                         std::int64_t i) const {
    (void)rate;
    Factors mine = f;
    mine.decay = static_cast<float>(decay);
    sgd_value(mine, gradient, data(a, 2)[i], data(a, 3)[i]);
  }
};

struct AdamWBody {
  using Functor = nn::AdamWUpdate<float>;
  static AdamWBody of(const Functor&) { return {}; }
  using Factors = AdamWFactors;
  __device__ Factors factors(const StepRate& now) const {
    return adamw_factors({.weight_decay = 0}, now.rate, now.step + 1);
  }
  __device__ void update(const Factors& f, double rate, double decay, float gradient, const Argument* a,
                         std::int64_t i) const {
    Factors mine = f;
    mine.keep = static_cast<float>(1 - rate * decay);
    adamw_value(mine, gradient, data(a, 2)[i], data(a, 3)[i], data(a, 4)[i]);
  }
};

/// The host's factors are computed once for each block: powers in double take long.
template <class Body>
__global__ void __launch_bounds__(block_threads)
    update_elements(const Body body, const Rate schedule, const Stretches stretches, const Trees trees,
                    const Parts parts, const std::int64_t* step) {
  __shared__ typename Body::Factors shared;
  __shared__ double rate;
  const BlockPlace place = block_place(parts);
  if (threadIdx.x == 0) {
    const StepRate now = step_rate(schedule, place, step);
    shared = body.factors(now);
    rate = now.rate;
  }
  __syncthreads();
  const Box& box = place.arguments[parts.per_part - 1].box;
  for_elements(place, box.extent(2), [&](std::int64_t i) {
    body.update(shared, rate, decay_of(stretches, box.lo[2] + i), tree_sum(trees, place, i), place.arguments,
                i);
  });
}

template <class Body>
std::unique_ptr<CudaLaunch> update(const DeviceLaunch& launch) {
  const auto& f = functor_of<typename Body::Functor>(launch);
  const std::string name = launch.kernel.name;
  load_kernel(update_elements<Body>, name);
  const auto trees = std::make_shared<const TreeTable>(
      launch, [&](const LaunchPart&) -> const ShardTree& { return f.total.tree; },
      [&](const LaunchPart& p) { return f.total.first(p.task.box); });
  const auto stretches = std::make_shared<const DeviceArray<nn::Stretch>>(f.stretches);
  const auto table = element_table(launch);
  const Rate rate{f.rate.peak, f.rate.last, f.rate.warm_up, f.rate.steps};
  auto steps = std::make_unique<Steps>();
  steps->add([=, body = Body::of(f), step = launch.step](cudaStream_t stream) {
    if (table->blocks() == 0) return;
    update_elements<<<table->blocks(), block_threads, 0, stream>>>(
        body, rate, Stretches{stretches->data(), static_cast<std::uint32_t>(stretches->size())},
        trees->trees(), table->parts(), step);
    check_launch(name);
  });
  return steps;
}

}  // namespace

void add_updates(BodyTable& table) {
  table.add<PartialSum<float>>(&partial_sum);
  table.add<nn::SgdUpdate<float>>(&update<SgdBody>);
  table.add<nn::AdamWUpdate<float>>(&update<AdamWBody>);
}

}  // namespace tutti::gpu
