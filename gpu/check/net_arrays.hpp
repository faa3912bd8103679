// Arrays for the kernels of nets: as shards and groups of parameters have them, with random values, in
// float32 for the device and its oracle, and in float64 with the same values.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "runtime/data/kernel.hpp"

namespace tutti::gpu_check {

/// What one parameter of a kernel is given.
struct NetArray {
  enum class Kind : std::uint8_t {
    own,      ///< `elements` for each part
    whole,    ///< the same `elements` for all parts
    segment,  ///< `elements`, of which each part has a segment
    terms,    ///< a list of `count` arrays of `elements`, the same for all parts
    numbers,  ///< integers in [low, high), `elements` for each part
    scalar,   ///< one int64: `low`
  } kind = Kind::own;
  std::int64_t elements = 0;
  double size = 1;  ///< values in (-size, size)
  std::int64_t low = 0, high = 0;
  std::uint32_t count = 0;
  bool positive = false;
};

/// How a launch is cut into parts.
struct NetParts {
  std::size_t count = 1;
  std::vector<std::int64_t> bounds{};  ///< of segments; count + 1 of them if there are any
};

/// The arrays of one run. T is float or double.
template <class T>
class NetSide {
 public:
  /// The same `seed` gives the same values for both types.
  NetSide(const Kernel& kernel, const std::vector<NetArray>& arrays, const NetParts& parts,
          std::uint64_t seed);

  /// Argument lists with host addresses.
  const std::vector<std::vector<Argument>>& parts() const { return parts_; }
  /// Runs the kernel on the host; returns the parts' values, 8 bytes each.
  std::vector<std::uint64_t> run(const Kernel& kernel);
  /// By parameter; empty for numbers and scalars.
  const std::vector<std::vector<T>>& values() const { return values_; }
  const std::vector<std::vector<std::int32_t>>& numbers() const { return numbers_; }
  const std::vector<std::vector<std::int64_t>>& scalars() const { return scalars_; }

 private:
  void fill(std::size_t parameter, const NetArray& array, std::size_t count, std::uint64_t seed);

  NetParts cut_;
  std::vector<std::vector<T>> values_;
  std::vector<std::vector<std::int32_t>> numbers_;
  std::vector<std::vector<std::int64_t>> scalars_;
  std::vector<std::vector<Input<T>>> lists_;
  std::vector<std::vector<Argument>> parts_;
};

}  // namespace tutti::gpu_check
