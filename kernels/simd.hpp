// Vectors as wide as the processor's, fused multiply-add, and fetching ahead.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace tutti::kernels::simd {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
inline constexpr int vector_registers = 32;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32;
inline constexpr int vector_registers = 16;
#else
inline constexpr int vector_bytes = 16;
inline constexpr int vector_registers = 16;
#endif

template <class T>
inline constexpr int vector_lanes = vector_bytes / static_cast<int>(sizeof(T));

template <class T>
struct VectorOf {
  using Type [[gnu::vector_size(vector_bytes)]] = T;
};
template <class T>
using Vector = typename VectorOf<T>::Type;

template <class T>
Vector<T> load(const T* from) {
  Vector<T> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
template <class T>
void store(T* to, const Vector<T>& v) {
  std::memcpy(to, &v, sizeof v);
}

/// The first `count` <= vector_lanes values, and zeros; nothing beyond them is touched.
template <class T>
Vector<T> load_part(const T* from, std::int64_t count) {
  Vector<T> v{};
  std::memcpy(&v, from, static_cast<std::size_t>(count) * sizeof(T));
  return v;
}
template <class T>
void store_part(T* to, const Vector<T>& v, std::int64_t count) {
  std::memcpy(to, &v, static_cast<std::size_t>(count) * sizeof(T));
}
#if defined(__AVX2__) && !defined(__AVX512F__)
inline __m256i first_lanes(std::int64_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
template <>
inline Vector<float> load_part(const float* from, std::int64_t count) {
  return _mm256_maskload_ps(from, first_lanes(count));
}
template <>
inline void store_part(float* to, const Vector<float>& v, std::int64_t count) {
  _mm256_maskstore_ps(to, first_lanes(count), v);
}
#elif defined(__AVX512F__)
template <>
inline Vector<float> load_part(const float* from, std::int64_t count) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1), from);
}
template <>
inline void store_part(float* to, const Vector<float>& v, std::int64_t count) {
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << count) - 1), v);
}
#endif

/// Brings a cache line near before its turn, wherever it is. What one task writes, another worker's task
/// reads: most of what a task reads comes from the cache that the cores share, or from memory.
enum class Use : int { read, write };
template <Use use = Use::read, class T>
void fetch(const T* at) {
  __builtin_prefetch(at, static_cast<int>(use));
}
template <class T>
inline constexpr std::int64_t per_line = 64 / sizeof(T);

/// The processor multiplies and adds in one instruction.
#if defined(FP_FAST_FMAF)
inline constexpr bool fused = true;
#else
inline constexpr bool fused = false;
#endif

/// a b + c, rounded once where the processor has an instruction for it, else twice. Contraction is off in all
/// builds, so that the compiler cannot choose; products of matrices and polynomials choose here.
inline float multiply_add(float a, float b, float c) {
#if defined(FP_FAST_FMAF)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}
inline double multiply_add(double a, double b, double c) {
#if defined(FP_FAST_FMA)
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}
inline Vector<float> multiply_add(Vector<float> a, Vector<float> b, Vector<float> c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(__FMA__)
  return _mm256_fmadd_ps(a, b, c);
#else
  return a * b + c;
#endif
}
inline Vector<double> multiply_add(Vector<double> a, Vector<double> b, Vector<double> c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_pd(a, b, c);
#elif defined(__FMA__)
  return _mm256_fmadd_pd(a, b, c);
#else
  return a * b + c;
#endif
}

}  // namespace tutti::kernels::simd
