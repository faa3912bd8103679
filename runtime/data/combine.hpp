// How the values of a reduction's tiles become one: with the same bits in any order and grouping, on host and
// device alike.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "runtime/data/binned_sum.hpp"
#include "runtime/data/kernel.hpp"

namespace tutti {

/// How a reduction combines the values of tiles. Floating-point sums are reproducible: the same bits for
/// any order and grouping of the tiles. Integer sums wrap around.
enum class Combine : std::uint8_t { sum, max, min };

/// The accumulator of all but floating-point sums, which have BinnedSum. A NaN makes the result one; of two
/// zeros the maximum is +0 and the minimum -0. The neutral element also serves ranks without tiles.
template <class T, Combine how>
class Fold {
 public:
  using Value = T;
  TUTTI_FUNCTION void add(T x) { value_ = merged(value_, x); }
  TUTTI_FUNCTION void merge(const Fold& other) { add(other.value_); }
  TUTTI_FUNCTION T value() const { return value_; }

 private:
  static_assert(how != Combine::sum || std::is_integral_v<T>);

  static constexpr T neutral() {
    using Limits = std::numeric_limits<T>;
    if (how == Combine::sum) return 0;
    if (Limits::has_infinity) return how == Combine::max ? -Limits::infinity() : Limits::infinity();
    return how == Combine::max ? Limits::lowest() : Limits::max();
  }
  TUTTI_FUNCTION static T merged(T a, T b) {
    if constexpr (how == Combine::sum)
      return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
    if constexpr (std::is_floating_point_v<T>) {
      if (a != a || b != b) return std::numeric_limits<T>::quiet_NaN();
      if (a == b) return std::signbit(a) == (how == Combine::max) ? b : a;
    }
    return (how == Combine::max) == (a < b) ? b : a;
  }

  T value_ = neutral();
};

/// The values of a rank's tiles into one, where nobody else has any: a kernel whose functor is this.
template <class A>
struct CombineTiles {
  using Accumulator = A;
  using Value = typename A::Value;
  Value operator()(In<Value> values) const {
    A total;
    for (std::int64_t i = 0; i < values.extent(2); ++i) total.add(values.data[i]);
    return total.value();
  }
};

/// f(std::type_identity<Accumulator>) for values of `type`: one that reductions take (Recorder::reduce).
template <class F>
auto with_accumulator(const ElementType& type, Combine combine, const F& f) {
  const auto with = [&]<class T, class Sum>(std::type_identity<T>, std::type_identity<Sum> sum) {
    if (combine == Combine::max) return f(std::type_identity<Fold<T, Combine::max>>{});
    if (combine == Combine::min) return f(std::type_identity<Fold<T, Combine::min>>{});
    return f(sum);
  };
  const auto integers = [&]<class T>(std::type_identity<T> t) {
    return with(t, std::type_identity<Fold<T, Combine::sum>>{});
  };
  if (type == element_type<std::int64_t>()) return integers(std::type_identity<std::int64_t>{});
  if (type == element_type<std::uint64_t>()) return integers(std::type_identity<std::uint64_t>{});
  return with(std::type_identity<double>{}, std::type_identity<BinnedSum>{});
}

inline Kernel combine_tiles(const ElementType& type, Combine combine) {
  return with_accumulator(type, combine, []<class A>(std::type_identity<A>) {
    return make_kernel("combine", CombineTiles<A>{});
  });
}

}  // namespace tutti
