// What a kernel sees of the data: views of a box of cells, and the argument types of kernel functors.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "runtime/data/box.hpp"
#include "runtime/data/ids.hpp"

#if defined(__CUDACC__)
#define TUTTI_FUNCTION __host__ __device__
#else
#define TUTTI_FUNCTION
#endif

namespace tutti {

/// A box of cells inside a larger array. `data` is the cell box.lo; neighbours outside the box may be read
/// as far as the access allows. Dimension 2 is contiguous. Trivially copyable; owns nothing.
template <class T>
struct View {
  T* data = nullptr;
  std::int64_t stride0 = 0;  ///< elements between neighbours in dimension 0
  std::int64_t stride1 = 0;  ///< elements between neighbours in dimension 1
  Box box;                   ///< global indices of the cells

  /// Cell at local position (i, j, k), counted from box.lo.
  TUTTI_FUNCTION T& operator()(std::int64_t i, std::int64_t j, std::int64_t k) const {
    return data[i * stride0 + j * stride1 + k];
  }
  TUTTI_FUNCTION T* row(std::int64_t i, std::int64_t j) const { return data + i * stride0 + j * stride1; }
  TUTTI_FUNCTION std::int64_t extent(int d) const { return box.hi[d] - box.lo[d]; }
};

/// Which cells beside its own tile an operation reads.
enum class Shape : std::uint8_t {
  own,      ///< its own tile
  faces,    ///< and the cells up to `radius` away along one dimension (no corners)
  box,      ///< and all cells up to `radius` away, corners included
  tiles,    ///< a list of whole tiles named by a function
  columns,  ///< the rows that a matrix has entries for
};

/// Argument types of a kernel functor. They are the kernel's contract: the access mode, the element type
/// and how far beyond its tile the kernel reads. A plain value (double, std::int64_t, ...) reads a scalar.
template <class T, int Radius = 0, Shape Reach = (Radius > 0 ? Shape::faces : Shape::own)>
struct In : View<const T> {};
template <class T>
struct Out : View<T> {};  ///< every cell is written; old values are undefined
template <class T>
struct InOut : View<T> {};

/// One tile of those named by `tiles(fn)`, in the order in which fn named them.
template <class T>
struct Input : View<const T> {
  TileId tile;
};
template <class T>
struct Inputs : std::span<const Input<T>> {};

/// Values `positions[0 .. count-1]` of a list, for Columns.
struct ColumnPart {
  const void* values = nullptr;
  const std::uint32_t* positions = nullptr;
  std::uint32_t count = 0;
};
/// What a tile reads of a vector through columns(A): the values at A's columns, numbered as A's tile numbers
/// them: first the tile's own rows (if A is square), then those of other tiles.
template <class T>
struct Columns {
  const T* own = nullptr;
  std::int64_t own_count = 0;
  std::span<const ColumnPart> others;

  /// Writes the values of other tiles to `to`, in order; returns how many.
  std::int64_t gather_others(T* to) const {
    const T* const first = to;
    for (const ColumnPart& part : others) {
      const T* values = static_cast<const T*>(part.values);
      const std::uint32_t first_position = part.positions[0];  // a part is not empty, and in increasing order
      if (part.positions[part.count - 1] - first_position == part.count - 1)
        std::copy_n(values + first_position, part.count, to);
      else
        for (std::uint32_t i = 0; i < part.count; ++i) to[i] = values[part.positions[i]];
      to += part.count;
    }
    return to - first;
  }
};

/// Sees the addresses inside a tile object, one after the other, and may put others in their place.
class AddressVisitor {
 public:
  virtual ~AddressVisitor() = default;
  /// `bytes` says how large the array is; it may look into arrays that have not been visited yet.
  virtual void visit(const void*& address, const std::function<std::uint64_t()>& bytes) = 0;
  template <class T, class Bytes>
  void array(const T*& address, Bytes bytes) {
    const void* plain = address;
    if (plain != nullptr) visit(plain, bytes);
    address = static_cast<const T*>(plain);
  }
};

/// A kernel's argument that is neither cells nor a scalar: one object per tile, which kernels only read (the
/// tile's part of a matrix). Derive from it, and name it: static constexpr const char* element_name. With a
/// member void visit_addresses(AddressVisitor&), which visits each array once, kernels that read it can run
/// on a device: the runtime copies object and arrays there. Trivially copyable.
struct TileObject {};

/// Where and when a task runs. Kernels may take `const Task&` as their first argument.
struct Task {
  std::int64_t step = 0;  ///< number of the recorded step since the graph was recorded, from 0
  TileId tile;            ///< the task's tile; 0 for scalar operations
  Box box;                ///< the tile's cells, global indices
  RankId rank;
  WorkerId worker;
  bool first_of_rank = false;  ///< the lowest-numbered tile of this rank
};

}  // namespace tutti
