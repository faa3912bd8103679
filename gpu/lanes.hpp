// Sums in eight lanes by a block of threads, with the bits of kernels::in_lanes. Free of CUDA: what each
// thread does is a function of its number, so a host can play all threads one after the other
// (tests/unit/gpu_threads.cpp).
#pragma once

#include <cstdint>

#include "runtime/data/view.hpp"

namespace tutti::gpu {

constexpr std::uint32_t lanes_round = 2048;                  ///< terms; a multiple of 8
constexpr std::uint32_t lanes_workers = 256;                 ///< threads that compute terms
constexpr std::uint32_t lanes_threads = 32 + lanes_workers;  ///< and a warp that adds them
static_assert(lanes_round % 8 == 0 && lanes_round % lanes_workers == 0);

/// What a worker (thread 32 and on) does in a round: terms of elements [first, min(first + lanes_round, n)).
template <class Term>
TUTTI_FUNCTION void compute_terms(std::uint32_t thread, std::int64_t first, std::int64_t n, double* to,
                                  const Term& term) {
  const std::int64_t left = n - first;
  for (std::uint32_t e = thread - 32; e < lanes_round && e < left; e += lanes_workers)
    to[e] = term(first + e);
}

/// What thread l < 8 of the first warp does with the terms of a round: adds those of lane l in order. `first`
/// is a multiple of 8, so the lane of element first + e is e mod 8.
TUTTI_FUNCTION inline double add_terms(std::uint32_t l, std::int64_t first, std::int64_t n,
                                       const double* terms, double lane) {
  const std::int64_t left = n - first < lanes_round ? n - first : lanes_round;
  for (std::uint32_t e = l; e < left; e += 8) lane += terms[e];
  return lane;
}

/// The whole sum, for each thread of the block; the lane's sum in threads 0 to 7, 0 in the others. Round r is
/// computed into terms[r % 2] while round r - 1 is added: `barrier` separates the rounds.
template <class Term, class Barrier>
TUTTI_FUNCTION double add_in_lanes(std::uint32_t thread, std::int64_t n, double (*terms)[lanes_round],
                                   const Term& term, const Barrier& barrier) {
  double lane = 0;
  const std::int64_t rounds = (n + lanes_round - 1) / lanes_round;
  for (std::int64_t r = 0; r <= rounds; ++r) {
    if (thread >= 32 && r < rounds)
      compute_terms(thread, r * lanes_round, n, terms[r % 2], term);
    else if (thread < 8 && r > 0)
      lane = add_terms(thread, (r - 1) * lanes_round, n, terms[(r - 1) % 2], lane);
    barrier();
  }
  return lane;
}

}  // namespace tutti::gpu
