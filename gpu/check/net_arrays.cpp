#include "gpu/check/net_arrays.hpp"

namespace tutti::gpu_check {

template <class T>
NetSide<T>::NetSide(const Kernel& kernel, const std::vector<NetArray>& arrays, const NetParts& parts,
                    std::uint64_t seed)
    : cut_(parts), values_(arrays.size()), numbers_(arrays.size()), scalars_(arrays.size()) {
  using Kind = NetArray::Kind;
  // parts follow each other directly, or with a gap: shards do either
  const std::int64_t gap = std::mt19937_64(seed)() % 2 == 0 ? 0 : 16;
  parts_.resize(parts.count, std::vector<Argument>(kernel.parameters.size()));
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const NetArray& a = arrays[i];
    const bool each = a.kind == Kind::own || a.kind == Kind::numbers;
    const std::int64_t stride = each ? a.elements + gap : 0;
    const std::size_t copies = a.kind == Kind::terms ? a.count : each ? parts.count : 1;
    fill(i, a, static_cast<std::size_t>(a.elements + (each ? gap : 0)) * copies, seed + i);
    if (a.kind == Kind::terms) {
      auto& list = lists_.emplace_back();
      for (std::uint32_t k = 0; k < a.count; ++k) {
        Input<T> term{};
        term.data = values_[i].data() + k * a.elements;
        term.box = {{0, 0, 0}, {1, 1, a.elements}};
        term.tile = TileId{k};
        list.push_back(term);
      }
    }
    for (std::size_t p = 0; p < parts.count; ++p) {
      Argument& to = parts_[p][i];
      const auto part = static_cast<std::int64_t>(p);
      to.box = {{0, 0, 0}, {1, 1, a.elements}};
      if (a.kind == Kind::scalar) {
        to.data = scalars_[i].data();
      } else if (a.kind == Kind::numbers) {
        to.data = numbers_[i].data() + part * stride;
      } else if (a.kind == Kind::terms) {
        to.data = lists_.back().data();
        to.input_count = a.count;
      } else if (a.kind == Kind::segment) {
        to.data = values_[i].data() + parts.bounds[p];
        to.box = {{0, 0, parts.bounds[p]}, {1, 1, parts.bounds[p + 1]}};
      } else {
        to.data = values_[i].data() + part * stride;
      }
    }
  }
}

template <class T>
void NetSide<T>::fill(std::size_t parameter, const NetArray& array, std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  if (array.kind == NetArray::Kind::scalar) {
    scalars_[parameter].assign(1, array.low);
  } else if (array.kind == NetArray::Kind::numbers) {
    std::uniform_int_distribution<std::int32_t> number(static_cast<std::int32_t>(array.low),
                                                       static_cast<std::int32_t>(array.high) - 1);
    numbers_[parameter].resize(count);
    for (std::int32_t& n : numbers_[parameter]) n = number(random);
  } else {
    std::uniform_real_distribution<float> value(array.positive ? 0.1F : -1.0F, 1.0F);
    values_[parameter].resize(count);
    for (T& v : values_[parameter]) v = static_cast<T>(static_cast<float>(array.size) * value(random));
  }
}

template <class T>
std::vector<std::uint64_t> NetSide<T>::run(const Kernel& kernel) {
  std::vector<std::uint64_t> results(parts_.size());
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    Task task;
    task.tile = TileId{p};
    task.box = parts_[p].back().box;
    kernel.tile(kernel.functor.get(), task, parts_[p].data(), &results[p]);
  }
  return results;
}

template class NetSide<float>;
template class NetSide<double>;

}  // namespace tutti::gpu_check
