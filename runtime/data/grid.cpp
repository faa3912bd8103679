#include "runtime/data/grid.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

#include "runtime/error.hpp"

namespace tutti {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a >= 0 ? a / b : -ceil_div(-a, b); }

void check_extents(const std::vector<std::int64_t>& extents) {
  if (extents.empty() || extents.size() > 3)
    usage_error("a grid has 1 to 3 dimensions, not {}", extents.size());
  constexpr std::int64_t most = std::int64_t{1} << 62;
  std::int64_t cells = 1;
  for (std::size_t d = 0; d < extents.size(); ++d) {
    if (extents[d] <= 0) usage_error("grid extent {} in dimension {} is not positive", extents[d], d);
    if (extents[d] > most / cells) usage_error("a grid of more than 2^62 cells cannot be numbered");
    cells *= extents[d];
  }
}

void check_tile(const std::vector<std::int64_t>& tile, std::size_t dimensions) {
  if (tile.size() != dimensions)
    usage_error("the tile has {} extents, but the grid has {} dimensions", tile.size(), dimensions);
  for (std::size_t d = 0; d < tile.size(); ++d)
    if (tile[d] <= 0) usage_error("tile extent {} in dimension {} is not positive", tile[d], d);
}

Index3 right_aligned(const std::vector<std::int64_t>& list) {
  Index3 r{1, 1, 1};
  std::copy(list.begin(), list.end(), r.end() - static_cast<std::ptrdiff_t>(list.size()));
  return r;
}

std::int64_t product(const Index3& v) { return v[0] * v[1] * v[2]; }

Index3 lattice_of(const Index3& extents, const Index3& tile) {
  return {ceil_div(extents[0], tile[0]), ceil_div(extents[1], tile[1]), ceil_div(extents[2], tile[2])};
}

// --- the default tile -----------------------------------------------------------------------------------

// Aim for cells^(2/9) tiles, rounded up to a power of two: 16 at 64^3, 64 at 512^3. Products of doubles and
// not logarithms, so that every machine finds the same number.
std::int64_t wanted_tiles(std::int64_t cells) {
  const double square = static_cast<double>(cells) * static_cast<double>(cells);
  double bound = 1;  // tiles^9
  std::int64_t tiles = 1;
  while (bound < square) {
    bound *= 512;
    tiles *= 2;
  }
  return tiles;
}

// The dimension to halve next, or -1. Slow dimensions come first; a row is cut only when it is 256 times
// longer than the tile is high, and only at multiples of 64 cells, so that pieces stay aligned.
int dimension_to_halve(const Index3& tile) {
  int best = -1;
  std::int64_t longest = 0;
  for (int d = 0; d < 3; ++d) {
    const bool divisible = d == 2 ? tile[d] >= 128 : tile[d] >= 2;
    const std::int64_t length = d == 2 ? ceil_div(tile[d], 256) : tile[d];
    if (divisible && length > longest) {
      best = d;
      longest = length;
    }
  }
  return best;
}

// --- the decomposition ----------------------------------------------------------------------------------

// What the busiest rank does in one step, in cells: its own, and eight for each communicated one. Faces
// across the contiguous dimension are gathered one by one and count twice.
double decomposition_cost(const Index3& parts, const Index3& extents, const Index3& tile,
                          const Index3& lattice, bool periodic) {
  Index3 part;
  for (int d = 0; d < 3; ++d) part[d] = std::min(extents[d], ceil_div(lattice[d], parts[d]) * tile[d]);
  const double cells =
      static_cast<double>(part[0]) * static_cast<double>(part[1]) * static_cast<double>(part[2]);
  double surface = 0;
  for (int d = 0; d < 3; ++d) {
    const std::int64_t most_faces = periodic ? 2 * (parts[d] > 1) : parts[d] - 1;
    const double faces = static_cast<double>(std::min<std::int64_t>(most_faces, 2));
    surface += (d == 2 ? 2 : 1) * faces * cells / static_cast<double>(part[d]);
  }
  return cells + 8 * surface;
}

// The cheapest p0 * p1 * p2 == ranks that fits the lattice; all zero if none does. Larger p0, then larger p1
// win ties, so that slow dimensions are cut first.
Index3 factor(std::int64_t ranks, const Index3& extents, const Index3& tile, const Index3& lattice,
              bool periodic) {
  Index3 best{0, 0, 0};
  double best_cost = std::numeric_limits<double>::infinity();
  for (std::int64_t p0 = std::min(ranks, lattice[0]); p0 >= 1; --p0) {
    if (ranks % p0 != 0) continue;
    const std::int64_t rest = ranks / p0;
    for (std::int64_t p1 = std::min(rest, lattice[1]); p1 >= 1; --p1) {
      if (rest % p1 != 0 || rest / p1 > lattice[2]) continue;
      const Index3 parts{p0, p1, rest / p1};
      const double cost = decomposition_cost(parts, extents, tile, lattice, periodic);
      if (cost < best_cost) {
        best = parts;
        best_cost = cost;
      }
    }
  }
  return best;
}

// --- the unwrapped tile lattice -------------------------------------------------------------------------

// Tiles of all periodic images, numbered on: image s of tile t along a dimension has the number
// s * lattice + t, and lies s * extent further.
struct Unwrapped {
  Index3 extents;
  Index3 tile;
  Index3 lattice;

  std::int64_t number(int d, std::int64_t cell) const {
    const std::int64_t image = floor_div(cell, extents[d]);
    return image * lattice[d] + (cell - image * extents[d]) / tile[d];
  }
  // The tiles that meet the box, as a box of tile numbers.
  Box tiles(const Box& cells) const {
    Box r;
    for (int d = 0; d < 3; ++d) {
      r.lo[d] = number(d, cells.lo[d]);
      r.hi[d] = number(d, cells.hi[d] - 1) + 1;
    }
    return r;
  }
  Index3 shift(const Index3& at) const {
    Index3 r;
    for (int d = 0; d < 3; ++d) r[d] = floor_div(at[d], lattice[d]) * extents[d];
    return r;
  }
  TileId id(const Index3& at) const {
    Index3 t;
    for (int d = 0; d < 3; ++d) t[d] = at[d] - floor_div(at[d], lattice[d]) * lattice[d];
    return TileId{(t[0] * lattice[1] + t[1]) * lattice[2] + t[2]};
  }
};

// Calls visit(number) for every tile of `around` outside `inside` that the shape reaches.
template <class Visit>
void for_each_neighbour(const Box& inside, const Box& around, Shape shape, Visit visit) {
  const auto outside = [&](int d, std::int64_t n) { return n < inside.lo[d] || n >= inside.hi[d] ? 1 : 0; };
  const int most = shape == Shape::faces ? 1 : 3;
  for (std::int64_t i = around.lo[0]; i < around.hi[0]; ++i)
    for (std::int64_t j = around.lo[1]; j < around.hi[1]; ++j) {
      const int so_far = outside(0, i) + outside(1, j);
      if (so_far > most) continue;
      for (std::int64_t k = around.lo[2]; k < around.hi[2]; ++k) {
        if (so_far == 0 && k == inside.lo[2]) k = inside.hi[2];
        if (k >= around.hi[2]) break;
        if (so_far + outside(2, k) <= most) visit(Index3{i, j, k});
      }
    }
}

bool before(const Region& a, const Region& b) {
  return std::tie(a.shift, a.producer) < std::tie(b.shift, b.producer);
}

// How far an access reads in each dimension. Checks what only a program can get wrong.
Index3 reach_of(const GridLayout& layout, int radius) {
  if (radius < 0 || radius > layout.halo())
    usage_error("an access of radius {} does not fit a grid with halo {}; give GridOptions a larger halo",
                radius, layout.halo());
  Index3 reach{0, 0, 0};
  for (int d = 3 - layout.dimensions(); d < 3; ++d) {
    reach[d] = radius;
    if (layout.boundary().periodic && radius > layout.extents()[d])
      usage_error("an access of radius {} meets itself: the periodic grid has only {} cells in dimension {}",
                  radius, layout.extents()[d], d - (3 - layout.dimensions()));
  }
  return reach;
}

Box reached(const GridLayout& layout, const Box& box, const Index3& reach) {
  const Box all = grown(box, reach);
  return layout.boundary().periodic ? all : intersect(all, layout.domain());
}

}  // namespace

std::vector<std::int64_t> GridLayout::default_tile(const std::vector<std::int64_t>& extents) {
  check_extents(extents);
  // a task below a few thousand cells would cost less than to schedule it; one above some million would
  // leave too few tasks on large grids
  constexpr std::int64_t least_cells = 4096;
  constexpr std::int64_t most_cells = std::int64_t{1} << 22;
  const Index3 all = right_aligned(extents);
  const std::int64_t wanted = wanted_tiles(product(all));
  Index3 tile = all;
  for (;;) {
    const std::int64_t cells = product(tile);
    const bool fine = product(lattice_of(all, tile)) >= wanted && cells <= most_cells;
    const int d = dimension_to_halve(tile);
    if (fine || d < 0 || cells < 2 * least_cells) break;
    tile[d] = d == 2 ? ceil_div(tile[d], 128) * 64 : ceil_div(tile[d], 2);
  }
  return {tile.end() - static_cast<std::ptrdiff_t>(extents.size()), tile.end()};
}

GridLayout::GridLayout(const std::vector<std::int64_t>& extents, const GridOptions& options,
                       std::uint32_t ranks)
    : boundary_(options.boundary), halo_(options.halo) {
  check_extents(extents);
  if (!options.tile.empty()) check_tile(options.tile, extents.size());
  if (halo_ < 0) usage_error("halo {} is negative", halo_);
  if (ranks == 0) usage_error("a grid needs at least one rank");
  dimensions_ = static_cast<int>(extents.size());
  extents_ = right_aligned(extents);
  tile_ = right_aligned(options.tile.empty() ? default_tile(extents) : options.tile);
  for (int d = 0; d < 3; ++d) tile_[d] = std::min(tile_[d], extents_[d]);
  lattice_ = lattice_of(extents_, tile_);
  if (product(lattice_) > std::int64_t{1} << 31)
    usage_error("{} tiles are more than 2^31; use larger tiles", product(lattice_));
  choose_parts(ranks);
  resize(static_cast<std::uint32_t>(product(lattice_)), ranks);
  deal_tiles();
}

void GridLayout::choose_parts(std::uint32_t ranks) {
  std::int64_t used = std::min<std::int64_t>(ranks, product(lattice_));
  do parts_ = factor(used--, extents_, tile_, lattice_, boundary_.periodic);
  while (parts_[0] == 0);  // ends: one rank always fits
}

void GridLayout::deal_tiles() {
  const auto bound = [&](int d, std::int64_t part) { return part * lattice_[d] / parts_[d]; };
  std::uint32_t rank = 0;
  for (std::int64_t q0 = 0; q0 < parts_[0]; ++q0)
    for (std::int64_t q1 = 0; q1 < parts_[1]; ++q1)
      for (std::int64_t q2 = 0; q2 < parts_[2]; ++q2, ++rank) {
        const Box tiles{{bound(0, q0), bound(1, q1), bound(2, q2)},
                        {bound(0, q0 + 1), bound(1, q1 + 1), bound(2, q2 + 1)}};
        own(RankId{rank}, tiles);
      }
}

void GridLayout::own(RankId rank, const Box& tiles) {
  for (std::int64_t i = tiles.lo[0]; i < tiles.hi[0]; ++i)
    for (std::int64_t j = tiles.lo[1]; j < tiles.hi[1]; ++j)
      for (std::int64_t k = tiles.lo[2]; k < tiles.hi[2]; ++k)
        deal(TileId{(i * lattice_[1] + j) * lattice_[2] + k}, rank);
  const std::vector<TileId>& list = tiles_of(rank);
  set_block(rank, {tile_box(list.front()).lo, tile_box(list.back()).hi});
}

bool GridLayout::equals(const Layout& other) const {
  const auto* o = dynamic_cast<const GridLayout*>(&other);
  return o != nullptr && dimensions_ == o->dimensions_ && extents_ == o->extents_ && tile_ == o->tile_ &&
         halo_ == o->halo_ && boundary_.periodic == o->boundary_.periodic && ranks() == o->ranks();
}

std::string GridLayout::describe() const {
  return fmt::format("{} grid {} x {} x {} in tiles of {} x {} x {}, halo {}",
                     boundary_.periodic ? "periodic" : "bounded", extents_[0], extents_[1], extents_[2],
                     tile_[0], tile_[1], tile_[2], halo_);
}

Box GridLayout::tile_box(TileId tile) const {
  const std::int64_t n = tile.value;
  const Index3 at{n / (lattice_[1] * lattice_[2]), n / lattice_[2] % lattice_[1], n % lattice_[2]};
  Box box;
  for (int d = 0; d < 3; ++d) {
    box.lo[d] = at[d] * tile_[d];
    box.hi[d] = std::min(extents_[d], box.lo[d] + tile_[d]);
  }
  return box;
}

Index3 GridLayout::ghosts() const {
  Index3 r{0, 0, 0};
  for (int d = 3 - dimensions_; d < 3; ++d) r[d] = halo_;
  return r;
}

std::vector<Region> GridLayout::ghost_regions(RankId rank, int radius, Shape shape) const {
  std::vector<Region> regions;
  const Index3 reach = reach_of(*this, radius);
  const Box mine = block(rank);
  if (mine.empty() || radius == 0 || (shape != Shape::faces && shape != Shape::box)) return regions;
  const Unwrapped lattice{extents_, tile_, lattice_};
  const Box seen = reached(*this, mine, reach);
  for_each_neighbour(lattice.tiles(mine), lattice.tiles(seen), shape, [&](const Index3& at) {
    const TileId producer = lattice.id(at);
    const Index3 shift = lattice.shift(at);
    const Box in_place = shifted(seen, {-shift[0], -shift[1], -shift[2]});
    regions.push_back({producer, intersect(tile_box(producer), in_place), shift});
  });
  std::sort(regions.begin(), regions.end(), before);
  return regions;
}

HaloNeed GridLayout::halo_need(TileId tile, int radius, Shape shape,
                               const std::vector<Region>& regions) const {
  HaloNeed need;
  const Index3 reach = reach_of(*this, radius);
  if (radius == 0 || (shape != Shape::faces && shape != Shape::box)) return need;
  const Unwrapped lattice{extents_, tile_, lattice_};
  const Box self = tile_box(tile);
  const Box seen = reached(*this, self, reach);
  const Box mine = lattice.tiles(block(owner(tile)));
  for_each_neighbour(lattice.tiles(self), lattice.tiles(seen), shape, [&](const Index3& at) {
    const TileId producer = lattice.id(at);
    if (mine.contains({at, {at[0] + 1, at[1] + 1, at[2] + 1}})) {
      need.own_tiles.push_back(producer);
      return;
    }
    const Region key{producer, {}, lattice.shift(at)};
    const auto found = std::lower_bound(regions.begin(), regions.end(), key, before);
    if (found == regions.end() || before(key, *found))
      usage_error("tile {} reads tile {} with radius {}, but the ghost regions do not hold it", tile.value,
                  producer.value, radius);
    need.regions.push_back(static_cast<std::uint32_t>(found - regions.begin()));
  });
  std::sort(need.own_tiles.begin(), need.own_tiles.end());
  std::sort(need.regions.begin(), need.regions.end());
  return need;
}

}  // namespace tutti
