// Vectors as wide as the processor's, fused multiply-add, and functions that the compiler can vectorise. No
// libm in inner loops: its calls stop vectorisation, and their bits depend on the version of the library.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "kernels/launch.hpp"

namespace tutti::kernels::nn {

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

/// e^x. In float the relative error is below 1.5e-7 (tests/unit/nn_parts.cpp); 0 below x = -86.98, where
/// e^x < 1.7e-38; infinity above 88.72; NaN for NaN. x = n log 2 + r with log 2 in two parts (Cody and Waite,
/// Software manual for the elementary functions, 1980), then the polynomial 1 + r + r^2 q(r) on |r| <= log(2)
/// / 2, q of degree 4 fitted for the least greatest relative error, 3.1e-9 before rounding.
inline float exponential(float x) {
  constexpr float log2_e = 1.44269504F;
  constexpr float log_2_high = 0.693359375F;  // 9 bits: n times it is exact
  constexpr float log_2_low = -2.12194440e-4F;
  constexpr float round_to_integer = 12582912.0F;  // 1.5 * 2^23: the sum's last bit is worth 1
  constexpr float lowest = -86.98F;
  constexpr float highest = 88.7228F;
  float in = x > highest ? highest : x;
  in = in < lowest ? lowest : in;
  const float shifted = multiply_add(in, log2_e, round_to_integer);
  const float n = shifted - round_to_integer;
  const float r = multiply_add(n, -log_2_low, multiply_add(n, -log_2_high, in));
  float p = 1.38145359e-3F;
  p = multiply_add(p, r, 8.36874545e-3F);
  p = multiply_add(p, r, 4.16683927e-2F);
  p = multiply_add(p, r, 1.66665211e-1F);
  p = multiply_add(p, r, 4.9999994e-1F);
  p = multiply_add(p, r, 1.0F);
  p = multiply_add(p, r, 1.0F);
  // 2^n as 2^(n - 1) 2: 2^128 is no float
  const std::int32_t whole =
      std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(round_to_integer);
  const float scaled = p * std::bit_cast<float>((whole + 126) << 23) * 2.0F;
  const float not_below = x < lowest ? 0.0F : scaled;
  return x > highest ? std::numeric_limits<float>::infinity() : not_below;
}
inline double exponential(double x) { return std::exp(x); }

/// The sum of term(i), 0 <= i < n, in lanes: term i goes to lane i mod `count`, in order; then the lanes in
/// halves.
template <class T, class Term>
T sum_in_lanes(std::int64_t n, const Term& term) {
  constexpr std::int64_t count = 32;
  T lane[count] = {};
  const std::int64_t whole = n / count * count;
  for (std::int64_t i = 0; i < whole; i += count) {
    TUTTI_INDEPENDENT
    for (std::int64_t l = 0; l < count; ++l) lane[l] += term(i + l);
  }
  for (std::int64_t i = whole; i < n; ++i) lane[i - whole] += term(i);
  for (std::int64_t half = count / 2; half > 0; half /= 2) {
    TUTTI_INDEPENDENT
    for (std::int64_t l = 0; l < half; ++l) lane[l] += lane[l + half];
  }
  return lane[0];
}

/// The greatest of n > 0 values; NaN is passed over.
template <class T>
T greatest(std::int64_t n, const T* x) {
  constexpr std::int64_t count = 32;
  T lane[count];
  for (T& l : lane) l = -std::numeric_limits<T>::infinity();
  const std::int64_t whole = n / count * count;
  for (std::int64_t i = 0; i < whole; i += count) {
    TUTTI_INDEPENDENT
    for (std::int64_t l = 0; l < count; ++l) lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
  }
  for (std::int64_t i = whole; i < n; ++i) lane[i - whole] = x[i] > lane[i - whole] ? x[i] : lane[i - whole];
  for (std::int64_t half = count / 2; half > 0; half /= 2)
    for (std::int64_t l = 0; l < half; ++l) lane[l] = lane[l + half] > lane[l] ? lane[l + half] : lane[l];
  return lane[0];
}

}  // namespace tutti::kernels::nn
