#include "gpu/check/grid_system.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

namespace tutti::gpu_check {
namespace {

using Point = std::array<std::int64_t, 3>;

/// Writes columns into memory for 32 bits each, as LocalColumns packs them.
LocalColumns packed(std::vector<std::uint32_t>& memory, std::uint32_t columns) {
  const std::vector<std::uint32_t> plain = memory;
  LocalColumns local(memory.data(), columns);
  for (std::size_t k = 0; k < plain.size(); ++k) local.set(k, plain[k]);
  return local;
}

}  // namespace

GridSystem::GridSystem(std::int64_t n, std::int64_t edge)
    : n_(n), edge_(edge), lattice_((n + edge - 1) / edge) {
  const auto extent = [&](std::int64_t at) { return std::min(edge_, n_ - at * edge_); };
  first_row_.push_back(0);
  for (std::int64_t a = 0; a < lattice_; ++a)
    for (std::int64_t b = 0; b < lattice_; ++b)
      for (std::int64_t c = 0; c < lattice_; ++c)
        first_row_.push_back(first_row_.back() + extent(a) * extent(b) * extent(c));
  tiles_.resize(first_row_.size() - 1);
  for (std::size_t t = 0; t < tiles_.size(); ++t) make_tile(t);
}

void GridSystem::make_tile(std::size_t t) {
  const auto number = static_cast<std::int64_t>(t);
  const Point place{number / lattice_ / lattice_, number / lattice_ % lattice_, number % lattice_};
  Point lo{}, hi{};
  for (std::size_t d = 0; d < 3; ++d) {
    lo[d] = place[d] * edge_;
    hi[d] = std::min(n_, lo[d] + edge_);
  }
  // a point's tile, and its row there
  const auto locate = [&](const Point& p) {
    std::int64_t tile = 0, row = 0;
    for (std::size_t d = 0; d < 3; ++d) {
      tile = tile * lattice_ + p[d] / edge_;
      row = row * std::min(edge_, n_ - p[d] / edge_ * edge_) + p[d] % edge_;
    }
    return std::pair(static_cast<std::uint32_t>(tile), static_cast<std::uint32_t>(row));
  };
  const auto for_neighbours = [&](const Point& p, const auto& visit) {
    for (std::int64_t a = -1; a <= 1; ++a)
      for (std::int64_t b = -1; b <= 1; ++b)
        for (std::int64_t c = -1; c <= 1; ++c) {
          const Point q{p[0] + a, p[1] + b, p[2] + c};
          if (std::all_of(q.begin(), q.end(), [&](std::int64_t x) { return 0 <= x && x < n_; })) visit(q);
        }
  };
  const auto for_points = [&](const auto& visit) {
    for (std::int64_t i = lo[0]; i < hi[0]; ++i)
      for (std::int64_t j = lo[1]; j < hi[1]; ++j)
        for (std::int64_t k = lo[2]; k < hi[2]; ++k) visit(Point{i, j, k});
  };

  GridTile& tile = tiles_[t];
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> others;  // (tile, row) -> local column
  for_points([&](const Point& p) {
    for_neighbours(p, [&](const Point& q) {
      const auto at = locate(q);
      if (at.first != t) others.emplace(at, 0);
    });
  });
  const auto own = static_cast<std::uint32_t>(first_row_[t + 1] - first_row_[t]);
  std::uint32_t column = own;
  for (auto& [at, local] : others) {
    local = column++;
    if (tile.parts.empty() || tile.parts.back().producer != at.first) tile.parts.push_back({at.first, {}});
    tile.parts.back().positions.push_back(at.second);
  }
  tile.first.push_back(0);
  for_points([&](const Point& p) {
    std::vector<std::uint32_t> row;
    for_neighbours(p, [&](const Point& q) {
      const auto at = locate(q);
      row.push_back(at.first == t ? at.second : others.at(at));
    });
    std::sort(row.begin(), row.end());
    const auto here = static_cast<std::uint32_t>(tile.first.size() - 1);
    for (const std::uint32_t c : row) {
      if (c == here) tile.diagonal.push_back(static_cast<std::uint32_t>(tile.values.size()));
      tile.columns.push_back(c);
      tile.values.push_back(c == here ? 26 : -1);
    }
    const auto inside = std::lower_bound(row.begin(), row.end(), own) - row.begin();
    tile.outside.push_back(tile.first.back() + static_cast<std::uint32_t>(inside));
    tile.first.push_back(static_cast<std::uint32_t>(tile.values.size()));
  });
  entries_ += tile.values.size();
  tile.csr.rows = tile.csr.own_columns = own;
  tile.csr.columns = column;
  make_sell(tile);
  tile.csr.first = tile.first.data();
  tile.csr.diagonal = tile.diagonal.data();
  tile.csr.outside = tile.outside.data();
  tile.csr.column = packed(tile.columns, column);
  tile.csr.value = tile.values.data();
  tile.make_dia();
}

void GridSystem::make_sell(GridTile& tile) {
  constexpr std::uint32_t lanes = SellTile<double>::lanes;
  SellTile<double>& sell = tile.sell;
  sell.rows = sell.own_columns = tile.csr.rows;
  sell.columns = tile.csr.columns;
  sell.slices = (sell.rows + lanes - 1) / lanes;
  tile.order.assign(std::size_t{sell.slices} * lanes, sell.rows);
  std::iota(tile.order.begin(), tile.order.begin() + sell.rows, 0U);
  const auto length = [&](std::uint32_t row) { return tile.first[row + 1] - tile.first[row]; };
  std::stable_sort(tile.order.begin(), tile.order.begin() + sell.rows,
                   [&](std::uint32_t a, std::uint32_t b) { return length(a) > length(b); });
  tile.sell_first.push_back(0);
  for (std::uint32_t s = 0; s < sell.slices; ++s) {
    const std::uint32_t longest = length(tile.order[std::size_t{s} * lanes]);
    for (std::uint32_t j = 0; j < longest; ++j)
      for (std::uint32_t l = 0; l < lanes; ++l) {
        const std::uint32_t row = tile.order[std::size_t{s} * lanes + l];
        const bool there = row < sell.rows && j < length(row);
        tile.sell_columns.push_back(there ? tile.columns[tile.first[row] + j] : 0);
        tile.sell_values.push_back(there ? tile.values[tile.first[row] + j] : 0);
      }
    tile.sell_first.push_back(static_cast<std::uint32_t>(tile.sell_values.size()));
  }
  sell.first = tile.sell_first.data();
  sell.order = tile.order.data();
  sell.column = packed(tile.sell_columns, sell.columns);
  sell.value = tile.sell_values.data();
}

void GridTile::make_dia() {
  constexpr std::uint32_t lanes = DiaTile<double>::lanes;
  dia.rows = csr.rows;
  dia.columns = csr.columns;
  dia.slices = (csr.rows + lanes - 1) / lanes;
  dia_diagonal.assign(std::size_t{dia.slices} * lanes, 1);
  for (std::uint32_t row = 0; row < csr.rows; ++row) dia_diagonal[row] = values[diagonal[row]];
  const auto convert = [&](Diagonals& to, DiaTile<double>::Part& part, const auto& begin, const auto& end,
                           int place) {
    to = {};
    std::vector<std::array<double, lanes>> all;
    for (std::uint32_t s = 0; s < dia.slices; ++s) {
      std::map<std::int32_t, std::array<double, lanes>> groups;  // by the column of lane 0
      const std::uint32_t first_row = s * lanes;
      for (std::uint32_t l = 0; l < lanes && first_row + l < csr.rows; ++l)
        for (std::uint32_t k = begin(first_row + l); k < end(first_row + l); ++k)
          groups[static_cast<std::int32_t>(csr.column[k]) - static_cast<std::int32_t>(l)][l] = values[k];
      const auto row = static_cast<std::int32_t>(first_row), width = static_cast<std::int32_t>(lanes);
      to.first.push_back(static_cast<std::uint32_t>(to.column.size()));
      to.inner.push_back(to.first.back());
      for (const auto& [column, group] : groups) {
        to.column.push_back(column);
        all.push_back(group);
        if ((place < 0 && column <= row - width) || (place > 0 && column < row + width))
          to.inner.back() = static_cast<std::uint32_t>(to.column.size());
      }
    }
    to.first.push_back(static_cast<std::uint32_t>(to.column.size()));
    part = {to.first.data(), place == 0 ? nullptr : to.inner.data(), to.column.data()};
    to.value.resize(part.divide(to.first.back()));
    part.value = to.value.data();
    for (std::uint32_t g = 0; g < all.size(); ++g)
      std::copy(all[g].begin(), all[g].end(), const_cast<double*>(part.group(g)));
  };
  convert(
      lower, dia.lower, [&](auto r) { return first[r]; }, [&](auto r) { return diagonal[r]; }, -1);
  convert(
      upper, dia.upper, [&](auto r) { return diagonal[r] + 1; }, [&](auto r) { return outside[r]; }, 1);
  convert(
      beyond, dia.outside, [&](auto r) { return outside[r]; }, [&](auto r) { return first[r + 1]; }, 0);
  dia.diagonal = dia_diagonal.data();
}

}  // namespace tutti::gpu_check
