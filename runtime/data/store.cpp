#include "runtime/data/store.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <numeric>

#include <omp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/error.hpp"
#include "runtime/text.hpp"

namespace tutti {
namespace {

constexpr std::int64_t line_bytes = 64;
constexpr std::int64_t page_bytes = 4096;  // the smallest
constexpr std::uint64_t huge_page_bytes = std::uint64_t{2} << 20;

std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

// Writes `count` copies of an element: one, then ever larger pieces of what is there already.
void fill_elements(std::byte* to, std::int64_t count, const void* element, std::size_t element_bytes) {
  const std::size_t total = static_cast<std::size_t>(std::max<std::int64_t>(count, 0)) * element_bytes;
  if (total == 0) return;
  constexpr std::size_t in_cache = 16384;
  std::memcpy(to, element, element_bytes);
  for (std::size_t done = element_bytes; done < total;) {
    const std::size_t limit = std::max(in_cache / element_bytes, std::size_t{1}) * element_bytes;
    const std::size_t piece = std::min({done, limit, total - done});
    std::memcpy(to + done, to, piece);
    done += piece;
  }
}

// A copy as rows of bytes; whatever is contiguous on both sides is merged into longer rows.
struct RowCopies {
  std::int64_t planes;
  std::int64_t rows;
  std::int64_t row_elements;

  void merge(const Argument& a, const Argument& b) {
    const auto dense_rows = [&](const Argument& s) { return rows == 1 || s.stride1 == row_elements; };
    if (!dense_rows(a) || !dense_rows(b)) return;
    row_elements *= rows;
    rows = 1;
    const auto dense_planes = [&](const Argument& s) { return planes == 1 || s.stride0 == row_elements; };
    if (!dense_planes(a) || !dense_planes(b)) return;
    row_elements *= planes;
    planes = 1;
  }
};

std::uint64_t mapped_bytes(std::uint64_t bytes) {
  const std::uint64_t page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

// Address space beyond the mapping in which to find an aligned start.
std::uint64_t spare_bytes(std::uint64_t bytes) { return bytes >= 2 * huge_page_bytes ? huge_page_bytes : 0; }

// Where in a page the next small piece of memory begins. If all began at its start, what several of them have
// at the same place would compete for the same sets of the first-level cache, and loads of one would wait for
// stores to another (SGD on 100 KB of weights took 1.4 times as long).
std::uint64_t next_place_bytes() {
  static std::atomic<std::uint64_t> pieces{0};
  constexpr std::uint64_t lines = 9;  // from piece to piece: 64 of them are all at different places
  return pieces++ * lines % (page_bytes / line_bytes) * line_bytes;
}

Argument packed(void* data, const Box& box) {
  return {data, box.extent(1) * box.extent(2), box.extent(2), box, 0};
}

// The smallest box with the blocks of all ranks in it.
Box all_blocks(const Layout& layout) {
  Box all;
  for (std::uint32_t r = 0; r < layout.ranks(); ++r) {
    const Box block = layout.block(RankId{r});
    if (block.empty()) continue;
    if (all.empty()) all = block;
    for (int d = 0; d < 3; ++d) {
      all.lo[d] = std::min(all.lo[d], block.lo[d]);
      all.hi[d] = std::max(all.hi[d], block.hi[d]);
    }
  }
  return all;
}

}  // namespace

void MemoryBudget::take(std::uint64_t bytes, const std::string& what) {
  const std::uint64_t left = limit_bytes_ > used_bytes_ ? limit_bytes_ - used_bytes_ : 0;
  if (bytes > left)
    environment_error("{} needs {} on this rank, but only {} are left; use more ranks or a smaller grid",
                      what, readable_bytes(bytes), readable_bytes(left));
  used_bytes_ += bytes;
}

Memory::Memory(std::uint64_t bytes, const std::string& what, std::shared_ptr<MemoryBudget> budget)
    : bytes_(bytes), budget_(std::move(budget)) {
  if (bytes == 0) return;
  if (budget_) budget_->take(bytes, what);
  // huge pages need aligned addresses: map more, and give back what sticks out
  const std::uint64_t spare = spare_bytes(bytes);
  const std::uint64_t place = spare == 0 ? next_place_bytes() : 0;
  const std::uint64_t length = mapped_bytes(place + bytes);
  void* map = mmap(nullptr, length + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) {
    const int reason = errno;
    if (budget_) budget_->give(bytes);
    environment_error(
        "{} needs {} on this rank, but the system has none left ({}); use more ranks or a smaller grid", what,
        readable_bytes(bytes), std::strerror(reason));
  }
  data_ = static_cast<std::byte*>(map) + place;
  if (spare == 0) return;
  const std::uint64_t head = spare - reinterpret_cast<std::uintptr_t>(map) % spare;
  munmap(data_, head);
  data_ += head;
  if (head < spare) munmap(data_ + length, spare - head);
  madvise(data_, length, MADV_HUGEPAGE);  // advice: where it is refused, small pages do
}

Memory::~Memory() {
  if (data_ == nullptr) return;
  const std::uint64_t place = reinterpret_cast<std::uintptr_t>(data_) % page_bytes;
  munmap(data_ - place, mapped_bytes(place + bytes_));
  if (budget_) budget_->give(bytes_);
}

Store::Store(const Space& space, ElementType type, const void* fill, const std::string& label, Extent extent)
    : type_(type),
      layout_(space.shared_layout()),
      extent_(extent),
      block_(extent == Extent::whole ? all_blocks(*layout_) : layout_->block(space.context().rank)),
      label_(label),
      budget_(space.context().budget) {
  if (!block_.empty()) arrange(is_whole() ? Index3{0, 0, 0} : layout_->ghosts());
  const std::uint64_t bytes = static_cast<std::uint64_t>(total_) * type_.size_bytes;
  memory_ = std::make_unique<Memory>(bytes, fmt::format("field '{}'", label_), budget_);
  if (!block_.empty()) first_touch(space.context(), fill);
}

Store::Store(ElementType type, const void* value)
    : type_(type), memory_(std::make_unique<Memory>(type.size_bytes, "a scalar", nullptr)) {
  std::memcpy(memory_->data(), value, type.size_bytes);
}

Store::Store(const Space& space, ElementType type, std::shared_ptr<const void> objects,
             std::shared_ptr<const ColumnMap> columns)
    : type_(type),
      layout_(space.shared_layout()),
      objects_(std::move(objects)),
      columns_(std::move(columns)) {}

// Rows are as long as their cells and ghosts, rounded up so that all interiors are aligned: the right ghosts
// of a row and the left ghosts of the next share the gap between them.
void Store::arrange(const Index3& ghosts) {
  allocated_ = grown(block_, ghosts);
  const Index3 e = allocated_.extents();
  const std::int64_t size = type_.size_bytes;
  const double bytes = static_cast<double>(e[0]) * static_cast<double>(e[1]) * static_cast<double>(e[2]) *
                       static_cast<double>(size);
  if (bytes > 0x1p60) environment_error("field '{}' needs more than 2^60 bytes; use a smaller grid", label_);

  const bool long_rows = block_.extent(2) * size >= 4 * line_bytes;  // padding short ones would be a waste
  const std::int64_t granule = long_rows ? line_bytes / std::gcd(line_bytes, size) : 1;
  // Neighbours whose distance is near a multiple of 4096 bytes compete for the same sets of the first-level
  // cache: a stencil reads several rows of several planes at once. Rows keep away by one line, planes by
  // eight (7-point at 512^3 from memory: planes two lines apart took 1.15 times as long as those seven to
  // nineteen).
  const auto keep_away = [&](std::int64_t n, std::int64_t lines) {
    if (!long_rows) return n;
    const auto near = [&] {
      const std::int64_t past = n * size % 4096;
      return std::min(past, 4096 - past);
    };
    while (near() < lines * line_bytes) n += granule;
    return n;
  };
  stride1_ = keep_away(round_up(e[2], granule), 1);
  stride0_ = keep_away(stride1_ * e[1], 8);
  offset_ = round_up(ghosts[2], granule) - ghosts[2];
  total_ = offset_ + stride0_ * (e[0] - 1) + stride1_ * (e[1] - 1) + e[2];
}

std::int64_t Store::position(const Index3& cell) const {
  return offset_ + (cell[0] - allocated_.lo[0]) * stride0_ + (cell[1] - allocated_.lo[1]) * stride1_ +
         (cell[2] - allocated_.lo[2]);
}

void Store::first_touch(const RankContext& context, const void* fill) {
  if (is_whole()) {  // every worker reads all of it
    fill_tile(block_, fill);
    return;
  }
  const std::vector<TileId>& tiles = layout_->tiles_of(context.rank);
  // where small arrays lie does not matter, and entering a team may cost more than filling them
#pragma omp parallel num_threads(context.workers) if (memory_->size_bytes() > (1U << 20))
  {
    // a smaller team than asked for still touches everything
    const std::uint32_t team = static_cast<std::uint32_t>(omp_get_num_threads());
    const std::uint32_t me = static_cast<std::uint32_t>(omp_get_thread_num());
    for (const TileId t : tiles)
      if (layout_->home(t, context.workers).value % team == me) fill_tile(layout_->tile_box(t), fill);
#pragma omp barrier
#pragma omp for schedule(static)
    for (std::int64_t plane = block_.lo[0]; plane < block_.hi[0]; ++plane) fill_around_rows(plane, fill);
  }
}

void Store::fill_tile(const Box& tile, const void* fill) {
  for (std::int64_t i = tile.lo[0]; i < tile.hi[0]; ++i)
    for (std::int64_t j = tile.lo[1]; j < tile.hi[1]; ++j)
      fill_elements(address(position({i, j, tile.lo[2]})), tile.extent(2), fill, type_.size_bytes);
}

// Fills ghosts and padding: all that lies between the end of the plane before and the end of this one and is
// not a row of the block. The last plane includes what follows it.
void Store::fill_around_rows(std::int64_t plane, const void* fill) {
  const Index3& lo = block_.lo;
  const Index3& hi = block_.hi;
  std::int64_t from = plane == lo[0] ? 0 : position({plane - 1, hi[1] - 1, hi[2]});
  const auto fill_up_to = [&](std::int64_t to) {
    fill_elements(address(from), to - from, fill, type_.size_bytes);
  };
  for (std::int64_t j = lo[1]; j < hi[1]; ++j) {
    fill_up_to(position({plane, j, lo[2]}));
    from = position({plane, j, hi[2]});
  }
  if (plane == hi[0] - 1) fill_up_to(total_);
}

Argument Store::cells(const Box& box) const {
  if (box.empty()) return {nullptr, stride0_, stride1_, box, 0};
  assert(allocated_.contains(box));
  return {address(position(box.lo)), stride0_, stride1_, box, 0};
}

Argument Store::tile(TileId tile) const {
  if (!objects_) return cells(layout_->tile_box(tile));
  Argument a;
  // an Argument has no read-only form; kernels get objects as constants
  a.data = const_cast<std::byte*>(static_cast<const std::byte*>(objects_.get())) +
           std::size_t{layout_->index_in_rank(tile)} * type_.size_bytes;
  return a;
}

std::vector<const Memory*> Store::memories() const {
  std::vector<const Memory*> all;
  if (memory_) all.push_back(memory_.get());
  for (const auto& [tile, memory] : ghost_tiles_) all.push_back(memory.get());
  for (const auto& [key, memory] : ghost_rows_) all.push_back(memory.get());
  return all;
}

Argument Store::ghost_rows(const std::shared_ptr<const ColumnMap>& columns, const Region& region) {
  const Box box{{0, 0, 0}, {1, 1, region.size()}};
  std::unique_ptr<Memory>& memory = ghost_rows_[{columns, region.producer}];
  if (!memory)
    memory = std::make_unique<Memory>(static_cast<std::uint64_t>(box.size()) * type_.size_bytes,
                                      fmt::format("ghosts of vector '{}'", label_), budget_);
  return packed(memory->data(), box);
}

Argument Store::ghost_tile(TileId tile) {
  const Box box = layout_->tile_box(tile);
  if (is_whole()) return cells(box);
  std::unique_ptr<Memory>& memory = ghost_tiles_[tile];
  if (!memory)
    memory = std::make_unique<Memory>(static_cast<std::uint64_t>(box.size()) * type_.size_bytes,
                                      fmt::format("a copied tile of field '{}'", label_), budget_);
  return packed(memory->data(), box);
}

void copy_cells(const Argument& from, const Argument& to, std::uint32_t element_bytes) {
  assert(from.box.extents() == to.box.extents());
  if (from.box.empty()) return;
  RowCopies rows{from.box.extent(0), from.box.extent(1), from.box.extent(2)};
  rows.merge(from, to);
  const std::size_t row_bytes = static_cast<std::size_t>(rows.row_elements) * element_bytes;
  const auto* source = static_cast<const std::byte*>(from.data);
  auto* target = static_cast<std::byte*>(to.data);
  for (std::int64_t i = 0; i < rows.planes; ++i)
    for (std::int64_t j = 0; j < rows.rows; ++j)
      std::memcpy(target + (i * to.stride0 + j * to.stride1) * element_bytes,
                  source + (i * from.stride0 + j * from.stride1) * element_bytes, row_bytes);
}

std::uint64_t dense_bytes(const Argument& cells, std::uint32_t element_bytes) {
  RowCopies rows{cells.box.extent(0), cells.box.extent(1), cells.box.extent(2)};
  rows.merge(cells, cells);
  const bool dense = rows.planes == 1 && rows.rows == 1;
  return dense ? static_cast<std::uint64_t>(rows.row_elements) * element_bytes : 0;
}

std::uint64_t pack_cells(const Argument& from, std::uint32_t element_bytes, std::byte* to) {
  copy_cells(from, packed(to, from.box), element_bytes);
  return static_cast<std::uint64_t>(from.box.size()) * element_bytes;
}

namespace {
template <class T>
void gather(const Piece& from, std::byte* to) {
  const T* cells = static_cast<const T*>(from.cells.data);
  for (const std::uint32_t p : *from.positions) {
    std::memcpy(to, cells + p, sizeof(T));
    to += sizeof(T);
  }
}
}  // namespace

std::uint64_t pack_any(const Piece& from, std::byte* to) {
  if (from.positions == nullptr) return pack_cells(from.cells, from.element_bytes, to);
  const std::size_t n = from.element_bytes;
  if (n == 8) {
    gather<std::uint64_t>(from, to);
  } else {
    for (std::size_t i = 0; i < from.positions->size(); ++i)
      std::memcpy(to + i * n, static_cast<const std::byte*>(from.cells.data) + (*from.positions)[i] * n, n);
  }
  return from.positions->size() * n;
}

std::uint64_t unpack_cells(const std::byte* from, std::uint32_t element_bytes, const Argument& to) {
  // an Argument has no read-only form; copy_cells only reads its source
  copy_cells(packed(const_cast<std::byte*>(from), to.box), to, element_bytes);
  return static_cast<std::uint64_t>(to.box.size()) * element_bytes;
}

}  // namespace tutti
