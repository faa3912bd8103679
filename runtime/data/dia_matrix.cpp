#include "runtime/data/dia_matrix.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include <omp.h>

#include "runtime/error.hpp"

namespace tutti {
namespace {

template <class T>
struct Storage {
  std::vector<DiaTile<T>> tiles;
  std::unique_ptr<Memory> values, columns, rows;
};

enum Place : std::uint8_t { lower, upper, outside, places };
using Groups = std::array<std::uint32_t, places>;

/// Entries of one part of a slice's rows, by diagonal.
template <class T, class Column>
class Merge {
 public:
  static constexpr std::uint32_t lanes = DiaTile<T>::lanes;
  static constexpr std::int32_t none = std::numeric_limits<std::int32_t>::max();
  Merge(const CsrTile<T>& a, const Column* column, std::uint32_t slice, Place place)
      : column_(column), value_(a.value) {
    for (std::uint32_t l = 0; l < lanes; ++l) {
      const std::uint32_t i = slice * lanes + l;
      if (i < a.rows) {
        next_[l] = place == lower ? a.first[i] : place == upper ? a.diagonal[i] + 1 : a.outside[i];
        end_[l] = place == lower ? a.diagonal[i] : place == upper ? a.outside[i] : a.first[i + 1];
      }
      set_key(l);
    }
  }
  /// The column of lane 0 on the next diagonal, or `none`.
  std::int32_t column() const { return *std::min_element(key_.begin(), key_.end()); }
  /// Takes the entries on it; writes `lanes` values if there is a place for them.
  void take(std::int32_t column, T* values) {
    for (std::uint32_t l = 0; l < lanes; ++l) {
      const bool hit = key_[l] == column;
      if (values != nullptr) values[l] = hit ? value_[next_[l]] : T{};
      if (!hit) continue;
      ++next_[l];
      set_key(l);
    }
  }

 private:
  void set_key(std::uint32_t l) {
    key_[l] = next_[l] < end_[l] ? static_cast<std::int32_t>(column_[next_[l]]) - static_cast<std::int32_t>(l)
                                 : none;
  }
  const Column* column_;
  const T* value_;
  std::array<std::uint32_t, lanes> next_{}, end_{};
  std::array<std::int32_t, lanes> key_{};
};

/// group(slice, place, column, merge) for all groups of a tile.
template <class T, class Group>
void for_groups(const CsrTile<T>& a, std::uint32_t slices, const Group& group) {
  a.column.visit([&](const auto* column) {
    using Column = std::remove_cv_t<std::remove_reference_t<decltype(*column)>>;
    for (std::uint32_t s = 0; s < slices; ++s)
      for (const Place place : {lower, upper, outside}) {
        Merge<T, Column> merge(a, column, s, place);
        for (std::int32_t c = merge.column(); c != merge.none; c = merge.column()) group(s, place, c, merge);
      }
  });
}

template <class T>
Groups count_groups(const CsrTile<T>& a, std::uint32_t slices) {
  Groups n{};
  for_groups(a, slices, [&](std::uint32_t, Place place, std::int32_t c, auto& merge) {
    ++n[place];
    merge.take(c, static_cast<T*>(nullptr));
  });
  return n;
}

template <class T>
void convert(const CsrTile<T>& a, DiaTile<T>& to) {
  constexpr std::uint32_t lanes = DiaTile<T>::lanes;
  // the arrays are constant to everybody else
  const std::array<typename DiaTile<T>::Part*, places> part{&to.lower, &to.upper, &to.outside};
  const auto first = [&](Place p) { return const_cast<std::uint32_t*>(part[p]->first); };
  const auto inner = [&](Place p) { return const_cast<std::uint32_t*>(part[p]->inner); };
  Groups at{};
  std::uint32_t begun = 0;  // slices
  const auto begin_slice = [&] {
    for (const Place p : {lower, upper, outside}) first(p)[begun] = at[p];
    for (const Place p : {lower, upper}) inner(p)[begun] = at[p];
    ++begun;
  };
  for_groups(a, to.slices, [&](std::uint32_t s, Place p, std::int32_t c, auto& merge) {
    while (begun <= s) begin_slice();
    const auto row = static_cast<std::int32_t>(s * lanes), width = static_cast<std::int32_t>(lanes);
    const std::uint32_t g = at[p]++;
    const_cast<std::int32_t*>(part[p]->column)[g] = c;
    merge.take(c, const_cast<T*>(part[p]->group(g)));
    if ((p == lower && c <= row - width) || (p == upper && c < row + width)) inner(p)[s] = g + 1;
  });
  while (begun < to.slices) begin_slice();
  for (const Place p : {lower, upper, outside}) first(p)[to.slices] = at[p];
  auto* diagonal = const_cast<T*>(to.diagonal);
  for (std::uint32_t i = 0; i < to.slices * lanes; ++i)
    diagonal[i] = i < a.rows ? a.value[a.diagonal[i]] : T{1};
}

}  // namespace

template <class T>
DiaMatrix<T>::DiaMatrix(const SparseMatrix<T>& from) : rows_(from.rows()), entries_(from.entries()) {
  constexpr std::uint32_t lanes = DiaTile<T>::lanes;
  if (!from.has_diagonal())
    usage_error("matrix '{}' as diagonals: it is not square, or a row has no diagonal", from.name()->label);
  const RankContext& context = rows_.context();
  const RowsLayout& layout = rows_.layout();
  const std::vector<TileId>& tiles = layout.tiles_of(context.rank);
  const auto for_own_tiles = [&](const auto& work) {
#pragma omp parallel num_threads(context.workers)
    {
      const auto team = static_cast<std::uint32_t>(omp_get_num_threads());
      const auto me = static_cast<std::uint32_t>(omp_get_thread_num());
      for (std::size_t i = 0; i < tiles.size(); ++i)
        if (layout.home(tiles[i], context.workers).value % team == me) work(i);
    }
  };
  auto storage = std::make_shared<Storage<T>>();
  storage->tiles.resize(tiles.size());
  std::vector<Groups> groups(tiles.size());
  for_own_tiles([&](std::size_t i) {
    const CsrTile<T>& a = from.tile(tiles[i]);
    groups[i] = count_groups(a, (a.rows + lanes - 1) / lanes);
  });
  std::size_t all = 0, slices = 0;
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    for (const std::uint32_t n : groups[i]) all += n + n % 2;
    slices += (layout.rows(tiles[i]) + lanes - 1) / lanes;
  }
  const auto memory = [&](std::size_t bytes) {
    size_bytes_ += bytes;
    return std::make_unique<Memory>(bytes, fmt::format("matrix '{}'", from.name()->label), context.budget);
  };
  storage->values = memory((all + slices) * lanes * sizeof(T));
  storage->columns = memory(all * sizeof(std::int32_t));
  storage->rows = memory(5 * (slices + tiles.size()) * sizeof(std::uint32_t));
  auto* value = reinterpret_cast<T*>(storage->values->data());
  auto* column = reinterpret_cast<std::int32_t*>(storage->columns->data());
  auto* row = reinterpret_cast<std::uint32_t*>(storage->rows->data());
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const CsrTile<T>& a = from.tile(tiles[i]);
    DiaTile<T>& t = storage->tiles[i];
    t.rows = a.rows;
    t.columns = a.columns;
    t.slices = (a.rows + lanes - 1) / lanes;
    for (const Place p : {lower, upper, outside}) {
      auto& part = p == lower ? t.lower : p == upper ? t.upper : t.outside;
      part = {row, p == outside ? nullptr : row + t.slices + 1, column, value};
      row += (p == outside ? 1 : 2) * (t.slices + 1);
      column += groups[i][p];
      value += part.divide(groups[i][p]);
    }
    t.diagonal = value;
    value += std::size_t{t.slices} * lanes;
  }
  for_own_tiles([&](std::size_t i) { convert(from.tile(tiles[i]), storage->tiles[i]); });
  const std::shared_ptr<const void> objects(storage, storage->tiles.data());
  constexpr ElementType type = element_type<DiaTile<T>>();
  name_ = std::make_shared<Name>(
      Name{from.name()->label, type, std::make_shared<Store>(rows_, type, objects, from.column_map())});
}

template class DiaMatrix<double>;

}  // namespace tutti
