// Vectors of doubles, stores that bypass the caches, and prefetch: the only place with instruction-set
// specific code. Elementwise arithmetic gives the same bits with any number of lanes. Where the processor (or
// the compiler's target) has no such store, an ordinary one takes its place.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace tutti::stream {

#if defined(__AVX512F__)
inline constexpr int lanes = 8;
#elif defined(__AVX__)
inline constexpr int lanes = 4;
#else
inline constexpr int lanes = 2;
#endif

/// `lanes` doubles with elementwise arithmetic (a vector extension of gcc and clang).
using Vector [[gnu::vector_size(lanes * sizeof(double))]] = double;
inline constexpr std::int64_t line_bytes = 64;
inline constexpr std::int64_t line_cells = line_bytes / static_cast<std::int64_t>(sizeof(double));

/// Reads `lanes` doubles from any address.
inline Vector load(const double* from) {
  Vector v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

/// A vector whose last (first) element is *from; the others are 0. Reads nothing beyond it.
inline Vector load_last(const double* from) {
  Vector v{};
  v[lanes - 1] = *from;
  return v;
}
inline Vector load_first(const double* from) {
  Vector v{};
  v[0] = *from;
  return v;
}

/// The elements before (after) those of `here`, of which `west` are the ones to the left, `east` to the
/// right.
inline Vector shift_right(Vector west, Vector here) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(west, here, 7, 8, 9, 10, 11, 12, 13, 14);
#elif defined(__AVX__)
  return __builtin_shufflevector(west, here, 3, 4, 5, 6);
#else
  return __builtin_shufflevector(west, here, 1, 2);
#endif
}
inline Vector shift_left(Vector here, Vector east) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(here, east, 1, 2, 3, 4, 5, 6, 7, 8);
#elif defined(__AVX__)
  return __builtin_shufflevector(here, east, 1, 2, 3, 4);
#else
  return __builtin_shufflevector(here, east, 1, 2);
#endif
}

/// Writes to any address, through the caches.
inline void store_cached(double* to, Vector v) { std::memcpy(to, &v, sizeof v); }

/// Writes past the caches; `to` is a multiple of the vector's size. Other threads may see the value late:
/// call fence() before telling them.
inline void store(double* to, Vector v) {
#if defined(__AVX512F__)
  _mm512_stream_pd(to, v);
#elif defined(__AVX__)
  _mm256_stream_pd(to, v);
#elif defined(__SSE2__)
  _mm_stream_pd(to, v);
#else
  std::memcpy(to, &v, sizeof v);
#endif
}

/// Makes all earlier store() of this thread visible before any later store.
inline void fence() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

/// Asks for the line of `address`, which need not be valid, into the second-level cache. (Into the first
/// level, the 7-point stencil from memory took 1.3 times as long on Zen 4: the first level's miss buffers
/// fill up.)
inline void prefetch(const void* address) { __builtin_prefetch(address, 0, 2); }

/// Cells before the first address at or after `p` that starts a cache line; at most n.
inline std::int64_t cells_to_line(const double* p, std::int64_t n) {
  const auto past = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(p) % line_bytes);
  const std::int64_t head = past == 0 ? 0 : (line_bytes - past) / static_cast<std::int64_t>(sizeof(double));
  return head < n ? head : n;
}

}  // namespace tutti::stream
