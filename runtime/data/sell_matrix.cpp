#include "runtime/data/sell_matrix.hpp"

#include <algorithm>
#include <numeric>

#include <omp.h>

#include "runtime/error.hpp"

namespace tutti {
namespace {

template <class T>
struct Storage {
  std::vector<SellTile<T>> tiles;
  std::unique_ptr<Memory> columns, values, rows;
};

template <class T>
std::uint32_t length(const CsrTile<T>& a, std::uint32_t row) {
  return a.first[row + 1] - a.first[row];
}

/// Rows by falling length, filled up to whole slices.
template <class T>
std::vector<std::uint32_t> row_order(const CsrTile<T>& a) {
  constexpr std::uint32_t lanes = SellTile<T>::lanes;
  std::vector<std::uint32_t> order(a.rows);
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t x, std::uint32_t y) { return length(a, x) > length(a, y); });
  order.resize((a.rows + lanes - 1) / lanes * lanes, a.rows);
  return order;
}

/// Entries with padding.
template <class T>
std::size_t padded_entries(const CsrTile<T>& a) {
  const std::vector<std::uint32_t> order = row_order(a);
  std::size_t n = 0;
  for (std::size_t s = 0; s < order.size(); s += SellTile<T>::lanes)
    n += std::size_t{length(a, order[s])} * SellTile<T>::lanes;
  return n;
}

template <class T>
void convert(const CsrTile<T>& a, SellTile<T>& to) {
  constexpr std::uint32_t lanes = SellTile<T>::lanes;
  const std::vector<std::uint32_t> order = row_order(a);
  // the arrays are constant to everybody else
  auto* first = const_cast<std::uint32_t*>(to.first);
  auto* value = const_cast<T*>(to.value);
  std::copy(order.begin(), order.end(), const_cast<std::uint32_t*>(to.order));
  std::uint32_t at = 0;
  for (std::uint32_t s = 0; s < to.slices; ++s) {
    first[s] = at;
    const std::uint32_t width = length(a, order[std::size_t{s} * lanes]);
    for (std::uint32_t l = 0; l < lanes; ++l) {
      const std::uint32_t row = order[std::size_t{s} * lanes + l];
      const std::uint32_t n = row == a.rows ? 0 : length(a, row);
      for (std::uint32_t j = 0; j < width; ++j) {
        to.column.set(at + j * lanes + l, j < n ? a.column[a.first[row] + j] : 0);
        value[at + j * lanes + l] = j < n ? a.value[a.first[row] + j] : T{};
      }
    }
    at += width * lanes;
  }
  first[to.slices] = at;
}

}  // namespace

template <class T>
SellMatrix<T>::SellMatrix(const SparseMatrix<T>& from) : rows_(from.rows()) {
  constexpr std::uint32_t lanes = SellTile<T>::lanes;
  const RankContext& context = rows_.context();
  const RowsLayout& layout = rows_.layout();
  const std::vector<TileId>& tiles = layout.tiles_of(context.rank);
  auto storage = std::make_shared<Storage<T>>();
  storage->tiles.resize(tiles.size());
  std::vector<std::size_t> entries(tiles.size()), at(tiles.size());
  std::size_t rows = 0, all = 0;
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    entries[i] = padded_entries(from.tile(tiles[i]));
    at[i] = all;
    all += (entries[i] + 15) / 16 * 16;  // tiles start at cache lines
    rows += std::size_t{(layout.rows(tiles[i]) + lanes - 1) / lanes} * (lanes + 1) + 1;
  }
  const auto memory = [&](std::size_t bytes) {
    return std::make_unique<Memory>(bytes, fmt::format("matrix '{}'", from.name()->label), context.budget);
  };
  storage->columns = memory(all * sizeof(LocalColumn));
  storage->values = memory(all * sizeof(T));
  storage->rows = memory(rows * sizeof(std::uint32_t));
  auto* row = reinterpret_cast<std::uint32_t*>(storage->rows->data());
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const CsrTile<T>& a = from.tile(tiles[i]);
    SellTile<T>& t = storage->tiles[i];
    t.rows = a.rows;
    t.own_columns = a.own_columns;
    t.columns = a.columns;
    t.slices = (a.rows + lanes - 1) / lanes;
    t.order = row;
    t.first = row + t.slices * lanes;
    row += t.slices * (lanes + 1) + 1;
    t.column = LocalColumns(storage->columns->data() + at[i] * sizeof(LocalColumn), a.columns);
    t.value = reinterpret_cast<T*>(storage->values->data()) + at[i];
  }
#pragma omp parallel num_threads(context.workers)
  {
    const auto team = static_cast<std::uint32_t>(omp_get_num_threads());
    const auto me = static_cast<std::uint32_t>(omp_get_thread_num());
    for (std::size_t i = 0; i < tiles.size(); ++i)
      if (layout.home(tiles[i], context.workers).value % team == me)
        convert(from.tile(tiles[i]), storage->tiles[i]);
  }
  const std::shared_ptr<const void> objects(storage, storage->tiles.data());
  constexpr ElementType type = element_type<SellTile<T>>();
  name_ = std::make_shared<Name>(
      Name{from.name()->label, type, std::make_shared<Store>(rows_, type, objects, from.column_map())});
}

template class SellMatrix<double>;

}  // namespace tutti
