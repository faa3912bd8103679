// Functions of the processor's vectors, and loops and sums over them. No libm in inner loops: its calls stop
// vectorisation, and their bits depend on the version of the library.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/launch.hpp"
#include "kernels/simd.hpp"

namespace tutti::kernels::nn {

using namespace simd;

namespace detail {
template <class F>
struct SameSizedUnsigned {
  using Type = std::uint32_t;
};
template <>
struct SameSizedUnsigned<double> {
  using Type = std::uint64_t;
};
template <>
struct SameSizedUnsigned<Vector<float>> {
  using Type = Vector<std::uint32_t>;
};
template <>
struct SameSizedUnsigned<Vector<double>> {
  using Type = Vector<std::uint64_t>;
};
}  // namespace detail

/// The greater and the smaller of each two values; b where a comparison with NaN is in the way.
template <class F>
F greater(const F& a, const F& b) {
  return a > b ? a : b;
}
template <class F>
F smaller(const F& a, const F& b) {
  return a < b ? a : b;
}
#if defined(__AVX__) && !defined(__AVX512F__)  // compilers find these of AVX-512 themselves
inline Vector<float> greater(const Vector<float>& a, const Vector<float>& b) { return _mm256_max_ps(a, b); }
inline Vector<float> smaller(const Vector<float>& a, const Vector<float>& b) { return _mm256_min_ps(a, b); }
#endif

/// 0 for zeros and for what is too small for a normal number, by the exponent's bits.
template <class F>
F without_subnormals(const F& x) {
  using Bits = typename detail::SameSizedUnsigned<F>::Type;
  const Bits zero{};
  const Bits bits = std::bit_cast<Bits>(x);
  const Bits infinite = std::bit_cast<Bits>(F{} + std::numeric_limits<float>::infinity());  // all of them
  return std::bit_cast<F>((bits & infinite) == zero ? zero : bits);
}
#if defined(__AVX2__) && !defined(__AVX512F__)  // bits, or 0 where those of the exponent are
inline Vector<float> without_subnormals(const Vector<float>& x) {
  const __m256i bits = _mm256_castps_si256(x);
  return _mm256_castsi256_ps(_mm256_sign_epi32(bits, _mm256_and_si256(bits, _mm256_set1_epi32(0x7f800000))));
}
#endif

/// 2^n e^r for |r| <= log(2) / 2, where n is the last bits of `shifted`: the polynomial 1 + r + r^2 q(r), q
/// of degree 4 fitted for the least greatest relative error, 3.1e-9 before rounding. It is evaluated in pairs
/// (Estrin, 1960): how long one value takes is what loops wait for.
template <class F>
[[gnu::always_inline]] inline F scaled_exponential(F shifted, F r) {
  using Bits = typename detail::SameSizedUnsigned<F>::Type;
  const F zero{};
  const F square = r * r;
  const F upper = multiply_add(zero + 8.36874545e-3F, r, zero + 4.16683927e-2F);
  const F lower = multiply_add(zero + 1.66665211e-1F, r, zero + 4.9999994e-1F);
  const F q = multiply_add(multiply_add(zero + 1.38145359e-3F, square, upper), square, lower);
  const F p = multiply_add(q, square, zero + 1.0F + r);
  // added to p's exponent; n = 128 has p < 1
  return std::bit_cast<F>(std::bit_cast<Bits>(p) + (std::bit_cast<Bits>(shifted) << 23));
}
inline constexpr float round_to_integer =
    12582912.0F;  // 1.5 * 2^23: the last bit of a sum with it is worth 1

/// e^x, for a float or each of a vector. The relative error is below 1.5e-7 (tests/unit/nn_parts.cpp); 0
/// below x = -86.98, where e^x < 1.7e-38; infinity above 88.72; NaN for NaN. x = n log 2 + r with log 2 in
/// two parts (Cody and Waite, Software manual for the elementary functions, 1980).
template <class F>
[[gnu::always_inline]] inline F single_exponential(F x) {
  const F zero{};
  const F log_2_high = zero + 0.693359375F;  // 9 bits: n times it is exact
  const F log_2_low = zero - 2.12194440e-4F;
  const F lowest = zero - 86.98F;
  const F highest = zero + 88.7228F;
  const F in = greater(lowest, smaller(highest, x));
  const F shifted = multiply_add(in, zero + 1.44269504F, zero + round_to_integer);
  const F n = shifted - round_to_integer;
  const F r = multiply_add(n, -log_2_low, multiply_add(n, -log_2_high, in));
  const F scaled = scaled_exponential(shifted, r);
  const F not_below = x < lowest ? zero : scaled;
  return x > highest ? zero + std::numeric_limits<float>::infinity() : not_below;
}
/// 2^x for x up to 126, for a float or each of a vector: fewer operations than e^x, with the same error. 0
/// below x = -125.5; NaN for NaN.
template <class F>
[[gnu::always_inline]] inline F single_power_of_two(F x) {
  const F zero{};
  const F lowest = zero - 125.5F;
  const F in = greater(lowest, x);
  const F shifted = in + round_to_integer;
  const F r = (in - (shifted - round_to_integer)) * 0.693147181F;
  return x < lowest ? zero : scaled_exponential(shifted, r);
}
inline float power_of_two(float x) { return single_power_of_two(x); }
inline float exponential(float x) { return single_exponential(x); }
inline Vector<float> power_of_two(const Vector<float>& x) { return single_power_of_two(x); }
inline Vector<float> exponential(const Vector<float>& x) { return single_exponential(x); }
inline double power_of_two(double x) { return std::exp2(x); }
inline double exponential(double x) { return std::exp(x); }
/// `function` of each lane.
template <class Function>
Vector<double> of_lanes(Vector<double> x, Function function) {
  for (int l = 0; l < vector_lanes<double>; ++l) x[l] = function(x[l]);
  return x;
}
inline Vector<double> power_of_two(const Vector<double>& x) {
  return of_lanes(x, [](double value) { return std::exp2(value); });
}
inline Vector<double> exponential(const Vector<double>& x) {
  return of_lanes(x, [](double value) { return std::exp(value); });
}

/// What a term of a sum reads: the value at one index, or a vector of them from there on.
template <class T>
struct ValueAt {
  std::int64_t index;
  T operator()(const T* values) const { return values[index]; }
  void set(T* values, T value) const { values[index] = value; }
};
template <class T>
struct VectorAt {
  std::int64_t index;
  Vector<T> operator()(const T* values) const { return load(values + index); }
  void set(T* values, const Vector<T>& value) const { store(values + index, value); }
};

/// body(at) for 0 ... n - 1, a vector at a time and the rest one by one: at(x) is the value or vector of x
/// there, and at.set(x, value) replaces it. For bodies with an exponential, which compilers do not always
/// vectorise by themselves.
template <class T, class Body>
[[gnu::always_inline]] inline void each_in_lanes(std::int64_t n, const Body& body) {
  constexpr int lanes = vector_lanes<T>;
  const std::int64_t whole = n / lanes * lanes;
  for (std::int64_t i = 0; i < whole; i += lanes) body(VectorAt<T>{i});
  for (std::int64_t i = whole; i < n; ++i) body(ValueAt<T>{i});
}

/// body(i, loaded) for i = 0, lanes, ... below n: loaded(x + i) is the vector there, of which the last is
/// filled up with zeros.
template <class T, class Body>
[[gnu::always_inline]] inline void each_vector(std::int64_t n, const Body& body) {
  constexpr std::int64_t lanes = vector_lanes<T>;
  const std::int64_t whole = n / lanes * lanes;
#pragma GCC unroll 2
  for (std::int64_t i = 0; i < whole; i += lanes)
    body(i, [](const T* from) TUTTI_INLINE { return load(from); });
  if (whole < n)
    body(whole, [rest = n - whole](const T* from) TUTTI_INLINE { return load_part(from, rest); });
}

/// Puts the values of a vector together by `merge`, in halves.
template <class T, class Merge>
T reduce_lanes(const Vector<T>& v, const Merge& merge) {
  constexpr int lanes = vector_lanes<T>;
  T lane[lanes];
  store(lane, v);
#pragma GCC unroll 4
  for (int half = lanes / 2; half > 0; half /= 2) {
#pragma GCC unroll 16
    for (int l = 0; l < half; ++l) lane[l] = merge(lane[l], lane[l + half]);
  }
  return lane[0];
}

/// Puts term(0) ... term(n - 1) together by `merge`, which is commutative and associative but for rounding:
/// vectors in two chains, what is left over at their end, then the lanes in halves. Always in the same order.
template <class T, class Term, class Merge>
T reduce_in_lanes(std::int64_t n, T neutral, const Term& term, const Merge& merge) {
  constexpr int lanes = vector_lanes<T>;
  Vector<T> even = Vector<T>{} + neutral;
  Vector<T> odd = even;
  std::int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    even = merge(even, term(VectorAt<T>{i}));
    odd = merge(odd, term(VectorAt<T>{i + lanes}));
  }
  if (i + lanes <= n) {
    even = merge(even, term(VectorAt<T>{i}));
    i += lanes;
  }
  T lane[lanes];
  store(lane, merge(even, odd));
  for (int l = 0; i < n; ++i, ++l) lane[l] = merge(lane[l], term(ValueAt<T>{i}));
  return reduce_lanes<T>(load(lane), merge);
}

/// The sum of term(at), where at(x) is the value of x at the index in question, or a vector of values.
template <class T, class Term>
T sum_in_lanes(std::int64_t n, const Term& term) {
  return reduce_in_lanes<T>(n, T(0), term, [](auto a, auto b) { return a + b; });
}

/// The greatest of n > 0 values; NaN is passed over.
template <class T>
T greatest(std::int64_t n, const T* x) {
  return reduce_in_lanes<T>(
      n, -std::numeric_limits<T>::infinity(), [&](auto at) { return at(x); },
      [](auto a, auto b) { return greater(b, a); });
}

}  // namespace tutti::kernels::nn
