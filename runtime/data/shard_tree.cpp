#include "runtime/data/shard_tree.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace tutti {

namespace {

std::vector<ShardRange> leaves(const ShardRange& range) {
  std::vector<ShardRange> out;
  for (std::uint32_t s = range.begin; s < range.end; ++s) out.push_back({s, s + 1});
  return out;
}

}  // namespace

ShardTree::ShardTree(const ShardRange& range, const std::vector<ShardRange>& given) { list(range, given); }
ShardTree::ShardTree(const ShardRange& range) : ShardTree(range, leaves(range)) {}

std::uint32_t ShardTree::middle(const ShardRange& range) {
  return range.begin + std::bit_floor(range.end - range.begin - 1);
}

void ShardTree::list(const ShardRange& range, const std::vector<ShardRange>& given) {
  if (given[merges_.size()] == range) return merges_.push_back(0);
  const std::uint32_t split = middle(range);
  list({range.begin, split}, given);
  list({split, range.end}, given);
  ++merges_.back();
}

// Stretch by stretch: what is between terms and sum stays in the first-level cache.
template <class T>
void ShardTree::sum(const Inputs<T>& terms, std::int64_t first, std::int64_t count, T* to) const {
  constexpr std::int64_t stretch = 256;
  std::array<std::array<T, stretch>, most_open> scratch;
  std::array<const T*, most_open> open;
  for (std::int64_t i = 0; i < count; i += stretch) {
    const std::int64_t n = std::min(stretch, count - i);
    std::size_t top = 0;
    for (std::size_t k = 0; k < merges_.size(); ++k) {
      open[top++] = terms[k].data + first + i;
      for (std::uint32_t m = merges_[k]; m > 0; --m) {
        --top;
        const T* left = open[top - 1];
        const T* right = open[top];
        T* sum = top == 1 ? to + i : scratch[top - 1].data();
        for (std::int64_t e = 0; e < n; ++e) sum[e] = left[e] + right[e];
        open[top - 1] = sum;
      }
    }
    if (open[0] != to + i) std::copy(open[0], open[0] + n, to + i);
  }
}

template void ShardTree::sum(const Inputs<float>&, std::int64_t, std::int64_t, float*) const;
template void ShardTree::sum(const Inputs<double>&, std::int64_t, std::int64_t, double*) const;

}  // namespace tutti
