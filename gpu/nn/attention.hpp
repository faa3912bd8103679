// Causal attention in tiles of 64 queries and 64 keys (Dao et al., FlashAttention, arXiv:2205.14135): scores
// live in registers and shared memory, a tile at a time. Free of CUDA: see block.hpp.
//
// What differs between ways to multiply is in Math: which rows and columns of a product a thread has, how it
// forms them, and how exact the factors are. ThreadMath uses the threads' own multiply-adds, TensorMath
// (tensor_math.cuh) tensor cores.
#pragma once

#include <cmath>
#include <cstdint>

#include "gpu/nn/block.hpp"
#include "gpu/unroll.hpp"
#include "kernels/nn/nn.hpp"

namespace tutti::gpu {

constexpr std::int64_t attention_side = 64;  ///< queries, and keys, of a tile

/// Rows of a matrix in shared memory, padded so that neighbouring rows lie in different banks.
template <int width>
struct SharedTile {
  static constexpr int stride = width + 4;
  alignas(16) float values[attention_side * stride];
  TUTTI_DEVICE float* row(std::uint32_t r) { return values + r * stride; }
  TUTTI_DEVICE const float* row(std::uint32_t r) const { return values + r * stride; }
};

/// Thread t = 16 i + j of 256 has rows i + 16 r, and of scores columns j + 16 c.
struct ThreadMath {
  static constexpr std::uint32_t threads = 256;
  static constexpr std::uint32_t group = 16;  ///< neighbouring threads that have the same rows
  static constexpr int rows = 4;
  static constexpr int columns = 4;
  /// Of a product with `width` columns: consecutive ones, two or four at a time.
  template <int width>
  static constexpr int values = width / 16;
  template <int width>
  static constexpr int piece = width >= 64 ? 4 : width / 16;

  static TUTTI_DEVICE std::uint32_t row(std::uint32_t t, int r) { return t / 16 + 16 * r; }
  static TUTTI_DEVICE std::uint32_t column(std::uint32_t t, int c) { return t % 16 + 16 * c; }
  template <int width>
  static TUTTI_DEVICE std::uint32_t value(std::uint32_t t, int v) {
    constexpr int p = piece<width>;
    return v / p * 16 * p + t % 16 * p + v % p;
  }

  /// A factor as the products take it.
  static TUTTI_DEVICE float rounded(float x) { return x; }

  /// to[r][c] = the dot product of row r of a and row c of b.
  template <int width>
  static TUTTI_DEVICE void dots(std::uint32_t t, const SharedTile<width>& a, const SharedTile<width>& b,
                                float (&to)[rows][columns]) {
    TUTTI_UNROLL
    for (int r = 0; r < rows; ++r) TUTTI_UNROLL
    for (int c = 0; c < columns; ++c) to[r][c] = 0;
    TUTTI_UNROLL_BY(4)
    for (int d = 0; d < width; d += 4) {
      float x[rows][4], y[columns][4];
      TUTTI_UNROLL
      for (int r = 0; r < rows; ++r) take<4>(a.row(row(t, r)) + d, x[r]);
      TUTTI_UNROLL
      for (int c = 0; c < columns; ++c) take<4>(b.row(column(t, c)) + d, y[c]);
      TUTTI_UNROLL
      for (int e = 0; e < 4; ++e) TUTTI_UNROLL
      for (int r = 0; r < rows; ++r) TUTTI_UNROLL
      for (int c = 0; c < columns; ++c) to[r][c] = std::fma(x[r][e], y[c][e], to[r][c]);
    }
  }

  /// to[r][v] += the sum over k of p(row r, k) b(k, value v).
  template <int width>
  static TUTTI_DEVICE void accumulate(std::uint32_t t, const SharedTile<attention_side>& p,
                                      const SharedTile<width>& b, float (&to)[rows][values<width>]) {
    constexpr int size = piece<width>;
    TUTTI_UNROLL_BY(2)
    for (int k = 0; k < attention_side; k += 4) {
      float x[rows][4];
      TUTTI_UNROLL
      for (int r = 0; r < rows; ++r) take<4>(p.row(row(t, r)) + k, x[r]);
      TUTTI_UNROLL
      for (int e = 0; e < 4; ++e) TUTTI_UNROLL
      for (int v = 0; v < values<width>; v += size) {
        float y[size];
        take<size>(b.row(k + e) + value<width>(t, v), y);
        TUTTI_UNROLL
        for (int r = 0; r < rows; ++r) TUTTI_UNROLL
        for (int i = 0; i < size; ++i) to[r][v + i] = std::fma(x[r][e], y[i], to[r][v + i]);
      }
    }
  }

 private:
  /// `count` neighbouring values, by one access.
  template <int count>
  static TUTTI_DEVICE void take(const float* from, float (&to)[count]) {
    struct alignas(4 * count) Piece {
      float values[count];
    };
    const Piece piece = *reinterpret_cast<const Piece*>(from);
    TUTTI_UNROLL
    for (int i = 0; i < count; ++i) to[i] = piece.values[i];
  }
};

/// One head of one sequence.
struct HeadPlace {
  std::int64_t qkv;       ///< of its q in qkv; k and v follow `width` and 2 width later
  std::int64_t y;         ///< in y and dy
  std::int64_t log_sums;  ///< in log_sums, and in the dots of the backward pass
};
TUTTI_DEVICE HeadPlace head_place(const kernels::nn::AttentionShape& s, std::int64_t head) {
  const std::int64_t n = head / s.heads, h = head % s.heads;
  const std::int64_t width = s.heads * s.head_width;
  return {n * s.context * 3 * width + h * s.head_width, n * s.context * width + h * s.head_width,
          head * s.context};
}

/// Four neighbouring values, moved by one access.
struct alignas(16) Four {
  float values[4];
};

/// Rows first ... of an array with `stride` values between rows into a tile; zeros beyond its edges.
template <class Math, int width, class Block>
TUTTI_DEVICE void load_tile(const Block& block, const float* from, std::int64_t stride, std::int64_t first,
                            std::int64_t rows, std::int64_t columns, SharedTile<width>& to) {
  constexpr std::uint32_t pieces = width / 4;
  const bool in_fours =
      columns % 4 == 0 && stride % 4 == 0 && reinterpret_cast<std::uintptr_t>(from) % sizeof(Four) == 0;
  block.each_alone([&](std::uint32_t t) {
    TUTTI_UNROLL_BY(4)
    for (std::uint32_t e = t; e < attention_side * pieces; e += Block::count) {
      const std::uint32_t r = e / pieces, c = e % pieces * 4;
      const float* at = from + (first + r) * stride + c;
      Four four{};
      if (first + r < rows) {
        if (in_fours && c < columns)
          four = *reinterpret_cast<const Four*>(at);
        else
          for (std::uint32_t i = 0; i < 4 && c + i < columns; ++i) four.values[i] = at[i];
      }
      for (float& value : four.values) value = Math::rounded(value);
      *reinterpret_cast<Four*>(to.row(r) + c) = four;
    }
  });
}

template <class Math, int width>
struct AttentionShared {
  SharedTile<width> q, kv;
  SharedTile<attention_side> p;
};

/// What a block does: queries first ... first + 63 of a head, as kernels::nn::attention_forward.
template <class Math, int width, class Block>
TUTTI_DEVICE void attention_tile(const Block& block, const kernels::nn::AttentionShape& s, std::int64_t head,
                                 std::int64_t first, float scale, const float* qkv, float* y, float* log_sums,
                                 AttentionShared<Math, width>& shared) {
  constexpr float log2_e = 1.44269504F;
  constexpr int values = Math::template values<width>;
  struct State {
    float top[Math::rows];
    float sum[Math::rows];
    float out[Math::rows][values];
    float scores[Math::rows][Math::columns];
  };
  typename Block::template Private<State> state;
  typename Block::template Private<float> joined;
  const HeadPlace place = head_place(s, head);
  const std::int64_t all = s.heads * s.head_width, stride = 3 * all;
  const float* q = qkv + place.qkv;
  load_tile<Math>(block, q, stride, first, s.context, s.head_width, shared.q);
  block.each_alone([&](std::uint32_t t) {
    TUTTI_UNROLL
    for (int r = 0; r < Math::rows; ++r) {
      state[t].top[r] = -INFINITY;
      state[t].sum[r] = 0;
      TUTTI_UNROLL
      for (int v = 0; v < values; ++v) state[t].out[r][v] = 0;
    }
  });
  for (std::int64_t j = 0; j <= first; j += attention_side) {
    load_tile<Math>(block, q + all, stride, j, s.context, s.head_width, shared.kv);
    block.each([&](std::uint32_t) {});
    block.each_alone([&](std::uint32_t t) {
      State& mine = state[t];
      Math::template dots<width>(t, shared.q, shared.kv, mine.scores);
      TUTTI_UNROLL
      for (int r = 0; r < Math::rows; ++r) TUTTI_UNROLL
      for (int c = 0; c < Math::columns; ++c) {
        const std::int64_t key = j + Math::column(t, c);
        const bool seen = key <= first + Math::row(t, r) && key < s.context;
        mine.scores[r][c] = seen ? scale * mine.scores[r][c] : -INFINITY;
      }
    });
    TUTTI_UNROLL
    for (int r = 0; r < Math::rows; ++r) {
      block.each_alone([&](std::uint32_t t) {
        float top = state[t].scores[r][0];
        TUTTI_UNROLL
        for (int c = 1; c < Math::columns; ++c) top = fmaxf(top, state[t].scores[r][c]);
        joined[t] = top;
      });
      block.template greatest<Math::group>(joined);
      block.each_alone([&](std::uint32_t t) {
        State& mine = state[t];
        // every row sees a key of the first tile, so its top is a number from then on
        const float top = fmaxf(mine.top[r], joined[t]);
        const float shrink = exp2f(log2_e * (mine.top[r] - top));
        mine.top[r] = top;
        float sum = 0;
        TUTTI_UNROLL
        for (int c = 0; c < Math::columns; ++c) {
          const float p = exp2f(log2_e * (mine.scores[r][c] - top));
          shared.p.row(Math::row(t, r))[Math::column(t, c)] = Math::rounded(p);
          sum += p;
        }
        mine.sum[r] *= shrink;
        TUTTI_UNROLL
        for (int v = 0; v < values; ++v) mine.out[r][v] *= shrink;
        joined[t] = sum;
      });
      block.template sum<Math::group>(joined);
      block.each_alone([&](std::uint32_t t) { state[t].sum[r] += joined[t]; });
    }
    block.each([&](std::uint32_t) {});  // all have read the keys, and written their scores
    load_tile<Math>(block, q + 2 * all, stride, j, s.context, s.head_width, shared.kv);
    block.each([&](std::uint32_t) {});
    block.each(
        [&](std::uint32_t t) { Math::template accumulate<width>(t, shared.p, shared.kv, state[t].out); });
  }
  block.each_alone([&](std::uint32_t t) {
    State& mine = state[t];
    TUTTI_UNROLL
    for (int r = 0; r < Math::rows; ++r) {
      const std::int64_t token = first + Math::row(t, r);
      if (token >= s.context) continue;
      const float share = 1 / mine.sum[r];
      TUTTI_UNROLL
      for (int v = 0; v < values; ++v) {
        const std::uint32_t d = Math::template value<width>(t, v);
        if (d < s.head_width) y[place.y + token * all + d] = share * mine.out[r][v];
      }
      if (t % Math::group == 0) log_sums[place.log_sums + token] = mine.top[r] + std::log(mine.sum[r]);
    }
  });
}

}  // namespace tutti::gpu
