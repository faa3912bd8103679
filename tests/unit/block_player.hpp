// Plays a block of threads of gpu/nn/block.hpp on the host, one thread after the other, forwards and
// backwards by turns: what a thread computes may not depend on its neighbours in the same call. A barrier
// that is missing between two calls does not show here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tutti::test {

template <std::uint32_t threads>
class PlayedBlock {
 public:
  static constexpr std::uint32_t count = threads;

  template <class T>
  class Private {
   public:
    Private() : cells_(threads) {}
    T& operator[](std::uint32_t t) { return cells_[t].value; }

   private:
    struct Cell {
      T value;
    };
    std::vector<Cell> cells_;
  };

  template <class F>
  void each(const F& f) const {
    backwards_ = !backwards_;
    for (std::uint32_t t = 0; t < threads; ++t) f(backwards_ ? threads - 1 - t : t);
  }
  template <class F>
  void each_alone(const F& f) const {
    each(f);
  }
  template <std::uint32_t width, class T>
  void sum(Private<T>& v) const {
    exchange<width>(v, [](T a, T b) { return a + b; });
  }
  template <std::uint32_t width, class T>
  void greatest(Private<T>& v) const {
    exchange<width>(v, [](T a, T b) { return b > a ? b : a; });
  }
  void sum_up_to(Private<std::uint32_t>& v) const {
    for (std::uint32_t t = 0; t < threads; ++t)
      if (t % 32 != 0) v[t] += v[t - 1];
  }

 private:
  template <std::uint32_t width, class T, class Merge>
  void exchange(Private<T>& v, const Merge& merge) const {
    for (std::uint32_t half = width / 2; half > 0; half /= 2) {
      Private<T> from = v;
      for (std::uint32_t t = 0; t < threads; ++t) v[t] = merge(from[t], from[t ^ half]);
    }
  }
  mutable bool backwards_ = false;
};

}  // namespace tutti::test
