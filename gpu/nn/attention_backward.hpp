// The backward pass of attention, in tiles as the forward pass (attention.hpp).
//
// With p = softmax(scores): dv = p^T dy, dp = dy v^T, dscores = p (dp - dots), dots = the dot products of dy
// and y. One pass has a tile of keys and goes over the queries that see them, another has a tile of queries:
// scores are formed in both, so that nobody adds to what others add to.
#pragma once

#include <cmath>
#include <cstdint>

#include "gpu/nn/attention.hpp"

namespace tutti::gpu {

/// The arrays of a backward pass.
struct AttentionArrays {
  const float* qkv;
  const float* log_sums;
  const float* dots;
  const float* dy;
  float* dqkv;
};

template <class Math, int width>
struct AttentionBackwardShared {
  SharedTile<width> q, k, v, dy;
  SharedTile<attention_side> p;
  float log_sums[attention_side];
  float dots[attention_side];
};

/// What a thread has of scores: p, and dscores times the scale.
template <class Math>
struct Scores {
  float p[Math::rows][Math::columns];
  float ds[Math::rows][Math::columns];
};

/// From the tiles in shared memory, of queries `first` ... and keys `keys` ...
template <class Math, int width>
TUTTI_DEVICE void score_gradients(std::uint32_t t, const kernels::nn::AttentionShape& s, std::int64_t first,
                                  std::int64_t keys, float scale,
                                  const AttentionBackwardShared<Math, width>& shared, Scores<Math>& to) {
  constexpr float log2_e = 1.44269504F;
  Math::template dots<width>(t, shared.q, shared.k, to.p);
  Math::template dots<width>(t, shared.dy, shared.v, to.ds);
  TUTTI_UNROLL
  for (int r = 0; r < Math::rows; ++r) TUTTI_UNROLL
  for (int c = 0; c < Math::columns; ++c) {
    const std::uint32_t row = Math::row(t, r);
    const std::int64_t query = first + row, key = keys + Math::column(t, c);
    const bool seen = key <= query && query < s.context;
    const float p = seen ? exp2f(log2_e * (scale * to.p[r][c] - shared.log_sums[row])) : 0.0F;
    to.p[r][c] = p;
    to.ds[r][c] = scale * p * (to.ds[r][c] - shared.dots[row]);
  }
}

/// log_sums and dots of queries first ... into shared memory.
template <class Math, int width, class Block>
TUTTI_DEVICE void load_row_values(const Block& block, const kernels::nn::AttentionShape& s,
                                  const HeadPlace& place, std::int64_t first, const AttentionArrays& arrays,
                                  AttentionBackwardShared<Math, width>& shared) {
  block.each_alone([&](std::uint32_t t) {
    if (t >= attention_side) return;
    const bool inside = first + t < s.context;
    shared.log_sums[t] = inside ? arrays.log_sums[place.log_sums + first + t] : 0.0F;
    shared.dots[t] = inside ? arrays.dots[place.log_sums + first + t] : 0.0F;
  });
}

/// A result tile: rows first ... of one of the three parts of dqkv.
template <class Math, int width>
TUTTI_DEVICE void store_tile(std::uint32_t t, const kernels::nn::AttentionShape& s, std::int64_t first,
                             std::int64_t stride,
                             const float (&from)[Math::rows][Math::template values<width>], float* to) {
  TUTTI_UNROLL
  for (int r = 0; r < Math::rows; ++r) {
    const std::int64_t token = first + Math::row(t, r);
    if (token >= s.context) continue;
    TUTTI_UNROLL
    for (int v = 0; v < Math::template values<width>; ++v) {
      const std::uint32_t d = Math::template value<width>(t, v);
      if (d < s.head_width) to[token * stride + d] = from[r][v];
    }
  }
}

/// dk and dv of keys first ... first + 63 of a head.
template <class Math, int width, class Block>
TUTTI_DEVICE void attention_keys_backward(const Block& block, const kernels::nn::AttentionShape& s,
                                          std::int64_t head, std::int64_t first, float scale,
                                          const AttentionArrays& arrays,
                                          AttentionBackwardShared<Math, width>& shared) {
  constexpr int values = Math::template values<width>;
  struct State {
    float dk[Math::rows][values];
    float dv[Math::rows][values];
    Scores<Math> scores;
  };
  typename Block::template Private<State> state;
  const HeadPlace place = head_place(s, head);
  const std::int64_t all = s.heads * s.head_width, stride = 3 * all;
  const float* q = arrays.qkv + place.qkv;
  load_tile<Math>(block, q + all, stride, first, s.context, s.head_width, shared.k);
  load_tile<Math>(block, q + 2 * all, stride, first, s.context, s.head_width, shared.v);
  block.each_alone([&](std::uint32_t t) {
    TUTTI_UNROLL
    for (int r = 0; r < Math::rows; ++r) TUTTI_UNROLL
    for (int v = 0; v < values; ++v) state[t].dk[r][v] = state[t].dv[r][v] = 0;
  });
  for (std::int64_t i = first; i < s.context; i += attention_side) {
    load_tile<Math>(block, q, stride, i, s.context, s.head_width, shared.q);
    load_tile<Math>(block, arrays.dy + place.y, all, i, s.context, s.head_width, shared.dy);
    load_row_values(block, s, place, i, arrays, shared);
    block.each([&](std::uint32_t) {});
    // p and dscores are wanted by keys: transposed
    block.each([&](std::uint32_t t) {
      score_gradients<Math, width>(t, s, i, first, scale, shared, state[t].scores);
      TUTTI_UNROLL
      for (int r = 0; r < Math::rows; ++r) TUTTI_UNROLL
      for (int c = 0; c < Math::columns; ++c)
        shared.p.row(Math::column(t, c))[Math::row(t, r)] = Math::rounded(state[t].scores.p[r][c]);
    });
    block.each(
        [&](std::uint32_t t) { Math::template accumulate<width>(t, shared.p, shared.dy, state[t].dv); });
    block.each([&](std::uint32_t t) {
      TUTTI_UNROLL
      for (int r = 0; r < Math::rows; ++r) TUTTI_UNROLL
      for (int c = 0; c < Math::columns; ++c)
        shared.p.row(Math::column(t, c))[Math::row(t, r)] = Math::rounded(state[t].scores.ds[r][c]);
    });
    block.each(
        [&](std::uint32_t t) { Math::template accumulate<width>(t, shared.p, shared.q, state[t].dk); });
  }
  block.each_alone([&](std::uint32_t t) {
    store_tile<Math, width>(t, s, first, stride, state[t].dk, arrays.dqkv + place.qkv + all);
    store_tile<Math, width>(t, s, first, stride, state[t].dv, arrays.dqkv + place.qkv + 2 * all);
  });
}

/// dq of queries first ... first + 63 of a head.
template <class Math, int width, class Block>
TUTTI_DEVICE void attention_queries_backward(const Block& block, const kernels::nn::AttentionShape& s,
                                             std::int64_t head, std::int64_t first, float scale,
                                             const AttentionArrays& arrays,
                                             AttentionBackwardShared<Math, width>& shared) {
  constexpr int values = Math::template values<width>;
  struct State {
    float dq[Math::rows][values];
    Scores<Math> scores;
  };
  typename Block::template Private<State> state;
  const HeadPlace place = head_place(s, head);
  const std::int64_t all = s.heads * s.head_width, stride = 3 * all;
  const float* q = arrays.qkv + place.qkv;
  load_tile<Math>(block, q, stride, first, s.context, s.head_width, shared.q);
  load_tile<Math>(block, arrays.dy + place.y, all, first, s.context, s.head_width, shared.dy);
  load_row_values(block, s, place, first, arrays, shared);
  block.each_alone([&](std::uint32_t t) {
    TUTTI_UNROLL
    for (int r = 0; r < Math::rows; ++r) TUTTI_UNROLL
    for (int v = 0; v < values; ++v) state[t].dq[r][v] = 0;
  });
  for (std::int64_t j = 0; j <= first; j += attention_side) {
    load_tile<Math>(block, q + all, stride, j, s.context, s.head_width, shared.k);
    load_tile<Math>(block, q + 2 * all, stride, j, s.context, s.head_width, shared.v);
    block.each([&](std::uint32_t) {});
    block.each([&](std::uint32_t t) {
      score_gradients<Math, width>(t, s, first, j, scale, shared, state[t].scores);
      TUTTI_UNROLL
      for (int r = 0; r < Math::rows; ++r) TUTTI_UNROLL
      for (int c = 0; c < Math::columns; ++c)
        shared.p.row(Math::row(t, r))[Math::column(t, c)] = Math::rounded(state[t].scores.ds[r][c]);
    });
    block.each(
        [&](std::uint32_t t) { Math::template accumulate<width>(t, shared.p, shared.k, state[t].dq); });
  }
  block.each_alone([&](std::uint32_t t) {
    store_tile<Math, width>(t, s, first, stride, state[t].dq, arrays.dqkv + place.qkv);
  });
}

}  // namespace tutti::gpu
