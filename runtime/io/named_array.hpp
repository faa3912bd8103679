// An array of numbers with a name: what files have beside fields and vectors.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace tutti {

/// Row-major; the extents' product is the number of values.
struct NamedArray {
  std::string name;  ///< "group/name": groups are made as needed
  std::vector<std::int64_t> shape;
  std::variant<std::vector<float>, std::vector<double>> values;
};

/// Of one dimension.
inline NamedArray named_list(std::string name, std::vector<double> values) {
  const auto length = static_cast<std::int64_t>(values.size());
  return {std::move(name), {length}, std::move(values)};
}

}  // namespace tutti
