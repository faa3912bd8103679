// Stores: the memory of one collection on one rank.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/data/kernel.hpp"
#include "runtime/data/layout.hpp"
#include "runtime/data/rows.hpp"

namespace tutti {

/// How much memory this rank may still take: measured once when the runtime starts, on all ranks alike, so
/// that a problem too large for the machine is refused instead of ended by the kernel. Not for several
/// threads at once: memory is taken between runs and while recording.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}
  /// Throws Error(environment) naming `what` ("field 'u'") if `bytes` do not fit.
  void take(std::uint64_t bytes, const std::string& what);
  void give(std::uint64_t bytes) { used_bytes_ -= bytes; }
  std::uint64_t used_bytes() const { return used_bytes_; }

 private:
  std::uint64_t limit_bytes_;
  std::uint64_t used_bytes_ = 0;
};

/// Memory that begins at a cache line, small pieces at different places in their first page, and prefers huge
/// pages (from 4 MiB on), accounted in a budget. Starts as zeros that no thread has touched yet. Throws
/// Error(environment) if there is not enough.
class Memory {
 public:
  Memory() = default;
  Memory(std::uint64_t bytes, const std::string& what, std::shared_ptr<MemoryBudget> budget);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  std::byte* data() const { return data_; }
  std::uint64_t size_bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::uint64_t bytes_ = 0;
  std::shared_ptr<MemoryBudget> budget_;
};

/// The copy of a store on a device, as the store sees it.
class StoreImage {
 public:
  virtual ~StoreImage() = default;
  /// Brings the host's memory up to date; may wait.
  virtual void fetch() = 0;
  /// The host's memory has new values: those on the device are stale.
  virtual void host_changed() = 0;
  /// Packs cells from where their values are valid, and unpacks them to all places where values are; they may
  /// wait. Between runs.
  virtual void read(const struct Piece& cells, std::byte* to) = 0;
  virtual void write(const std::byte* from, const struct Piece& cells) = 0;
};

/// Whether a rank's store has its block, or (without ghosts) the blocks of all ranks.
enum class Extent : std::uint8_t { block, whole };

/// The cells of one collection that a rank holds. A store of cells is the rank's block with ghosts on its
/// outside, one contiguous array; or the whole collection, in which the tiles of others are the copies that
/// this rank reads; a scalar store is one value, the same on every rank; a store of objects has
/// one object for each of the rank's tiles, which nobody changes. Rows of 256 bytes or
/// more start (behind their ghosts) at multiples of 64 bytes.
class Store {
 public:
  /// A store of cells. `fill` (one element) is written to every cell, tile by tile by the workers that own
  /// the tiles, so that memory lies near them.
  Store(const Space& space, ElementType type, const void* fill, const std::string& label,
        Extent extent = Extent::block);
  /// A scalar store.
  Store(ElementType type, const void* value);
  /// A store of objects: those of the rank's tiles in order, `type.size_bytes` each; `columns` is what a
  /// matrix reads.
  Store(const Space& space, ElementType type, std::shared_ptr<const void> objects,
        std::shared_ptr<const ColumnMap> columns);

  ElementType type() const { return type_; }
  bool is_scalar() const { return layout_ == nullptr; }
  bool has_objects() const { return objects_.use_count() > 0; }
  const void* objects() const { return objects_.get(); }  ///< those of the rank's tiles in order
  const std::string& label() const { return label_; }
  bool is_whole() const { return extent_ == Extent::whole; }
  const std::shared_ptr<const ColumnMap>& columns() const { return columns_; }  ///< null unless a matrix
  const std::shared_ptr<const Layout>& layout() const { return layout_; }

  /// The rank's own tile, or its object.
  Argument tile(TileId tile) const;
  /// Cells of the block or its ghosts, in the block's coordinates.
  Argument cells(const Box& box) const;
  /// What it holds without ghosts.
  const Box& box() const { return block_; }
  /// The whole block without ghosts (if is_whole(), those of all ranks), for the host to read and write: it
  /// holds the newest values, and those on a device are taken to be stale afterwards.
  Argument block() const {
    if (image) image->fetch();
    if (image) image->host_changed();
    return cells(block_);
  }
  /// This rank's copy of a tile of another rank: packed, no ghosts; allocated by the first call (lowering,
  /// never replay). If is_whole(), it has its place among the others.
  Argument ghost_tile(TileId tile);
  /// This rank's copy of what `columns` reads of a tile of another rank, one value after the other; allocated
  /// by the first call.
  Argument ghost_rows(const std::shared_ptr<const ColumnMap>& columns, const Region& region);
  /// The value of a scalar store.
  void* value() const { return memory_->data(); }

  /// Where it has cells: the block with its ghosts, and the copies of remote tiles and rows so far.
  std::vector<const Memory*> memories() const;
  /// The data was changed on the host by other means than a recorded operation.
  void changed_on_host() {
    ++version;
    if (image) image->host_changed();
  }

  /// Counts changes to the data; graphs use it to know whether ghosts are stale.
  std::uint64_t version = 1;
  std::unique_ptr<StoreImage> image;  ///< null unless a device has used the data

 private:
  void arrange(const Index3& ghosts);
  void first_touch(const RankContext& context, const void* fill);
  void fill_tile(const Box& tile, const void* fill);
  void fill_around_rows(std::int64_t plane, const void* fill);
  std::int64_t position(const Index3& cell) const;  // elements from the start of the memory
  std::byte* address(std::int64_t position) const { return memory_->data() + position * type_.size_bytes; }

  ElementType type_;
  std::shared_ptr<const Layout> layout_;
  Extent extent_ = Extent::block;
  Box block_;
  Box allocated_;
  std::int64_t stride0_ = 0;
  std::int64_t stride1_ = 0;
  std::int64_t offset_ = 0;  // elements from the start of the memory to cell allocated_.lo
  std::int64_t total_ = 0;   // elements in all
  std::string label_;
  std::shared_ptr<MemoryBudget> budget_;
  std::unique_ptr<Memory> memory_;
  std::map<TileId, std::unique_ptr<Memory>> ghost_tiles_;
  std::map<std::pair<std::shared_ptr<const ColumnMap>, TileId>, std::unique_ptr<Memory>> ghost_rows_;
  std::shared_ptr<const void> objects_;
  std::shared_ptr<const ColumnMap> columns_;
};

/// Copies the cells of `from` to `to` (boxes of equal extents, not overlapping in memory); either may be
/// packed or strided.
void copy_cells(const Argument& from, const Argument& to, std::uint32_t element_bytes);
/// Some cells: all of a box, or those at `positions`, counted along its last dimension.
struct Piece {
  Argument cells;
  std::uint32_t element_bytes = 0;
  std::uint64_t dense_bytes =
      0;  ///< its size if it lies in memory as it would be packed, else 0 (or not known)
  const std::vector<std::uint32_t>* positions = nullptr;  ///< null: all
};

/// Bytes of the cells if they lie in memory as they would be packed, without gaps; else 0.
std::uint64_t dense_bytes(const Argument& cells, std::uint32_t element_bytes);
/// Packs cells into contiguous memory, dimension 2 fastest, or the reverse. Return the bytes moved.
std::uint64_t pack_cells(const Argument& from, std::uint32_t element_bytes, std::byte* to);
std::uint64_t unpack_cells(const std::byte* from, std::uint32_t element_bytes, const Argument& to);

/// The same for a piece, of any form.
std::uint64_t pack_any(const Piece& from, std::byte* to);
/// Packs a piece, or the reverse for one without positions. Return the bytes moved.
inline std::uint64_t pack(const Piece& from, std::byte* to) {
  if (from.dense_bytes == 0) return pack_any(from, to);
  std::memcpy(to, from.cells.data, from.dense_bytes);
  return from.dense_bytes;
}
inline std::uint64_t unpack(const std::byte* from, const Piece& to) {
  assert(to.positions == nullptr);
  if (to.dense_bytes == 0) return unpack_cells(from, to.element_bytes, to.cells);
  std::memcpy(to.cells.data, from, to.dense_bytes);
  return to.dense_bytes;
}

}  // namespace tutti
