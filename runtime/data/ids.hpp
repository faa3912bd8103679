// Strong index types: a tile number cannot be passed where a rank is expected.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace tutti {

template <class Tag>
struct Id {
  std::uint32_t value = 0;

  constexpr Id() = default;
  template <class Integer>
  constexpr explicit Id(Integer v) : value(static_cast<std::uint32_t>(v)) {}
  constexpr std::size_t index() const { return value; }
  constexpr auto operator<=>(const Id&) const = default;
};

using RankId = Id<struct RankTag>;      ///< a process of the job
using WorkerId = Id<struct WorkerTag>;  ///< a thread of one rank's team
using TileId = Id<struct TileTag>;      ///< a tile of one space, the same number on every rank
using NodeId = Id<struct NodeTag>;      ///< a node of one rank's plan
using DatumId =
    Id<struct DatumTag>;  ///< something a rank's nodes read and write: a tile, a ghost region, ...

}  // namespace tutti

template <class Tag>
struct std::hash<tutti::Id<Tag>> {
  std::size_t operator()(tutti::Id<Tag> id) const noexcept { return id.value; }
};
