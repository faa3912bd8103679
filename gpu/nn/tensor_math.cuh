// Attention's products on tensor cores: TF32 factors, float32 sums (mma.sync m16n8k8, PTX ISA, "Matrix
// fragments for mma.m16n8k8"). See Math in attention.hpp.
#pragma once

#include <cstdint>

#include "gpu/nn/attention.hpp"

namespace tutti::gpu {

/// Four warps of 16 rows each. Lane 4 g + i of a warp has rows g and g + 8, and of every eight columns 2 i
/// and 2 i + 1.
struct TensorMath {
  static constexpr std::uint32_t threads = 128;
  static constexpr std::uint32_t group = 4;
  static constexpr int rows = 2;
  static constexpr int columns = 16;
  template <int width>
  static constexpr int values = width / 4;

  static __device__ __forceinline__ std::uint32_t row(std::uint32_t t, int r) {
    return t / 32 * 16 + t % 32 / 4 + 8 * r;
  }
  static __device__ __forceinline__ std::uint32_t column(std::uint32_t t, int c) {
    return c / 2 * 8 + t % 4 * 2 + c % 2;
  }
  template <int width>
  static __device__ __forceinline__ std::uint32_t value(std::uint32_t t, int v) {
    return column(t, v);
  }

  /// To the nearest TF32: the tensor cores cut off the bits that they do not take.
  static __device__ __forceinline__ float rounded(float x) {
    std::uint32_t bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return __uint_as_float(bits);
  }

  template <int width>
  static __device__ __forceinline__ void dots(std::uint32_t t, const SharedTile<width>& a,
                                              const SharedTile<width>& b, float (&to)[rows][columns]) {
#pragma unroll
    for (int r = 0; r < rows; ++r)
#pragma unroll
      for (int c = 0; c < columns; ++c) to[r][c] = 0;
#pragma unroll
    for (int k = 0; k < width; k += 8) {
      const Left left = take(t, a, k);
#pragma unroll
      for (int j = 0; j < columns / 2; ++j) {
        const float* row = b.row(8 * j + t % 32 / 4) + k + t % 4;
        multiply(left, row[0], row[4], to, j);
      }
    }
  }

  template <int width>
  static __device__ __forceinline__ void accumulate(std::uint32_t t, const SharedTile<attention_side>& p,
                                                    const SharedTile<width>& b,
                                                    float (&to)[rows][values<width>]) {
#pragma unroll
    for (int k = 0; k < attention_side; k += 8) {
      const Left left = take(t, p, k);
#pragma unroll
      for (int j = 0; j < values<width> / 2; ++j) {
        const int column = 8 * j + t % 32 / 4;
        multiply(left, b.row(k + t % 4)[column], b.row(k + t % 4 + 4)[column], to, j);
      }
    }
  }

 private:
  /// A lane's part of 16 x 8 values of the left factor.
  struct Left {
    float values[4];
  };
  template <int width>
  static __device__ __forceinline__ Left take(std::uint32_t t, const SharedTile<width>& a, int k) {
    const float* low = a.row(row(t, 0)) + k + t % 4;
    const float* high = a.row(row(t, 1)) + k + t % 4;
    return {{low[0], high[0], low[4], high[4]}};
  }

  /// Columns 8 j ... 8 j + 7 of the sums; the right factor's 8 x 8 values are in b0 (rows 0 to 3) and b1.
  template <int count>
  static __device__ __forceinline__ void multiply(const Left& a, float b0, float b1, float (&to)[rows][count],
                                                  int j) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(to[0][2 * j]), "+f"(to[0][2 * j + 1]), "+f"(to[1][2 * j]), "+f"(to[1][2 * j + 1])
        : "r"(__float_as_uint(a.values[0])), "r"(__float_as_uint(a.values[1])),
          "r"(__float_as_uint(a.values[2])), "r"(__float_as_uint(a.values[3])), "r"(__float_as_uint(b0)),
          "r"(__float_as_uint(b1)));
  }
};

}  // namespace tutti::gpu
