// The values of all tiles into one by a block of threads, with the host's bits: an accumulator's state does
// not depend on order and grouping. Free of CUDA: what a thread does is a function of its number, so a host
// can play all threads one after the other (tests/unit/gpu_threads.cpp).
#pragma once

#include <cstdint>

#include "runtime/data/view.hpp"

namespace tutti::gpu {

constexpr std::uint32_t combine_threads = 256;  ///< a power of two

/// A thread's share of n values.
template <class Accumulator>
TUTTI_FUNCTION Accumulator share_of(std::uint32_t thread, const typename Accumulator::Value* values,
                                    std::int64_t n) {
  Accumulator share;
  for (std::int64_t i = thread; i < n; i += combine_threads) share.add(values[i]);
  return share;
}

/// A step of merging, half = combine_threads / 2, then half of that, to 1: all shares are then in shares[0].
/// A barrier stands before each step.
template <class Accumulator>
TUTTI_FUNCTION void merge_half(std::uint32_t thread, std::uint32_t half, Accumulator* shares) {
  if (thread < half) shares[thread].merge(shares[thread + half]);
}

}  // namespace tutti::gpu
