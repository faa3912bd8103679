#include "runtime/data/sparse_matrix.hpp"

#include <algorithm>
#include <cstring>

#include <omp.h>

#include "runtime/error.hpp"

namespace tutti {
namespace {

std::size_t aligned(std::size_t entries) { return (entries + 15) / 16 * 16; }  // 64 bytes of 4-byte columns

template <class T>
struct Storage {
  std::vector<CsrTile<T>> tiles;
  std::unique_ptr<Memory> columns, values, rows;
};

/// Places for the arrays of all own tiles.
template <class T>
std::shared_ptr<Storage<T>> reserve(const Rows& space, bool square, const std::string& label,
                                    const std::vector<std::size_t>& tile_entries) {
  const RankContext& context = space.context();
  const std::vector<TileId>& tiles = space.layout().tiles_of(context.rank);
  auto storage = std::make_shared<Storage<T>>();
  storage->tiles.resize(tiles.size());
  std::size_t entries = 0, rows = 0;
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    entries += aligned(tile_entries[i]);
    rows += 3 * aligned(space.layout().rows(tiles[i]) + 1);
  }
  const auto memory = [&](std::size_t bytes) {
    return std::make_unique<Memory>(bytes, fmt::format("matrix '{}'", label), context.budget);
  };
  storage->columns = memory(entries * sizeof(LocalColumn));
  storage->values = memory(entries * sizeof(T));
  storage->rows = memory(rows * sizeof(std::uint32_t));
  auto* column = reinterpret_cast<LocalColumn*>(storage->columns->data());
  auto* value = reinterpret_cast<T*>(storage->values->data());
  auto* row = reinterpret_cast<std::uint32_t*>(storage->rows->data());
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    CsrTile<T>& t = storage->tiles[i];
    t.rows = space.layout().rows(tiles[i]);
    t.own_columns = square ? t.rows : 0;
    const std::size_t length = aligned(t.rows + 1);
    t.first = row;
    t.diagonal = row + length;
    t.outside = row + 2 * length;
    t.column = LocalColumns(column, ~0U);  // how many there are, the writer is told
    t.value = value;
    row += 3 * length;
    column += aligned(tile_entries[i]);
    value += aligned(tile_entries[i]);
  }
  return storage;
}

}  // namespace

template <class T>
CsrWriter<T>::CsrWriter(CsrTile<T>& tile, const RowsLayout& columns, bool square)
    : tile_(tile), columns_(columns) {
  tile_.own_columns = square ? tile.rows : 0;
  const_cast<std::uint32_t*>(tile_.first)[0] = 0;
}

template <class T>
void CsrWriter<T>::number_others(const std::vector<std::int64_t>& others) {
  tile_.columns = tile_.own_columns + static_cast<std::uint32_t>(others.size());
  tile_.column.visit([&](const auto* memory) {
    tile_.column = LocalColumns(const_cast<void*>(static_cast<const void*>(memory)), tile_.columns);
  });
  for (const std::int64_t c : others) {
    if (parts_.empty() || c >= columns_.first_row(TileId{parts_.back().producer.value + 1}))
      parts_.push_back({columns_.tile_of(c), {}});
    parts_.back().positions.push_back(
        static_cast<std::uint32_t>(c - columns_.first_row(parts_.back().producer)));
  }
}

template <class T>
std::vector<ColumnMap::Part> CsrWriter<T>::finish() {
  if (tile_.own_columns == 0 || diagonals_ < tile_.rows) tile_.diagonal = nullptr;
  return std::move(parts_);
}

template <class T>
SparseMatrix<T> make_matrix(Transport& transport, const Rows& rows, const Rows& columns,
                            const std::string& label, const std::vector<std::size_t>& entries,
                            const std::function<void(std::uint32_t, CsrWriter<T>&)>& fill) {
  const RankContext& context = rows.context();
  const std::vector<TileId>& tiles = rows.layout().tiles_of(context.rank);
  const bool square = *rows.shared_layout() == *columns.shared_layout();
  const std::shared_ptr<Storage<T>> storage = reserve<T>(rows, square, label, entries);
  auto map = std::make_shared<ColumnMap>();
  map->rows = rows.shared_layout();
  map->columns = columns.shared_layout();
  map->parts.resize(tiles.size());
#pragma omp parallel num_threads(context.workers)
  {
    const auto team = static_cast<std::uint32_t>(omp_get_num_threads());
    const auto me = static_cast<std::uint32_t>(omp_get_thread_num());
    for (std::uint32_t i = 0; i < tiles.size(); ++i) {
      if (rows.layout().home(tiles[i], context.workers).value % team != me) continue;
      CsrWriter<T> writer(storage->tiles[i], columns.layout(), square);
      fill(i, writer);
      map->parts[i] = writer.finish();
    }
  }
  SparseMatrix<T> matrix(rows, columns);
  std::uint64_t without = 0, all = 0;
  for (const CsrTile<T>& t : storage->tiles) {
    without += t.diagonal == nullptr ? 1 : 0;
    all += t.entries();
  }
  matrix.has_diagonal_ = transport.sum(without) == 0;
  matrix.entries_ = static_cast<std::int64_t>(transport.sum(all));
  matrix.size_bytes_ =
      storage->columns->size_bytes() + storage->values->size_bytes() + storage->rows->size_bytes();
  constexpr ElementType type = element_type<CsrTile<T>>();
  const std::shared_ptr<const void> objects(storage, storage->tiles.data());
  matrix.name_ =
      std::make_shared<Name>(Name{label, type, std::make_shared<Store>(rows, type, objects, std::move(map))});
  return matrix;
}

// Entries as they come, in pieces that go back to the system one by one: a matrix and the entries that it is
// made of need not be in memory at once.
template <class T>
class MatrixAssembly<T>::Pending {
 public:
  void add(const Entry& e) {
    const std::size_t at = count_ % piece_entries;
    if (at == 0) pieces_.push_back(std::make_unique<Memory>(piece_bytes, "entries of a matrix", nullptr));
    std::byte* to = pieces_.back()->data() + at * entry_bytes;
    std::memcpy(to, &e.row, 8);
    std::memcpy(to + 8, &e.column, 8);
    std::memcpy(to + 16, &e.value, sizeof(T));
    ++count_;
  }
  std::size_t count() const { return count_; }

  /// All entries, ordered by row and column. Empties this.
  std::vector<Entry> take_sorted() {
    std::vector<Entry> all(count_);
    for (std::size_t i = 0; i < count_; ++i) {
      const std::byte* from = pieces_[i / piece_entries]->data() + i % piece_entries * entry_bytes;
      std::memcpy(&all[i].row, from, 8);
      std::memcpy(&all[i].column, from + 8, 8);
      std::memcpy(&all[i].value, from + 16, sizeof(T));
    }
    pieces_.clear();
    count_ = 0;
    // often rows come in order: then only each row is to be sorted
    const auto by_row = [](const Entry& a, const Entry& b) { return a.row < b.row; };
    if (!std::is_sorted(all.begin(), all.end(), by_row)) std::stable_sort(all.begin(), all.end(), by_row);
    const auto by_column = [](const Entry& a, const Entry& b) { return a.column < b.column; };
    for (auto row = all.begin(); row != all.end();) {
      auto end = row + 1;
      while (end != all.end() && end->row == row->row) ++end;
      std::sort(row, end, by_column);
      row = end;
    }
    return all;
  }

 private:
  static constexpr std::size_t entry_bytes = 16 + sizeof(T);
  static constexpr std::size_t piece_entries = 1U << 15;
  static constexpr std::size_t piece_bytes = piece_entries * entry_bytes;
  std::vector<std::unique_ptr<Memory>> pieces_;
  std::size_t count_ = 0;
};

template <class T>
MatrixAssembly<T>::MatrixAssembly(Transport& transport, const Rows& rows, const Rows& columns,
                                  const std::string& label)
    : transport_(transport),
      rows_(rows),
      columns_(columns),
      label_(label),
      pending_(rows.layout().tiles_of(rows.context().rank).size()) {}

template <class T>
MatrixAssembly<T>::~MatrixAssembly() = default;

template <class T>
void MatrixAssembly<T>::add(std::int64_t row, std::int64_t column, T value) {
  if (row < 0 || row >= rows_.size() || column < 0 || column >= columns_.size())
    usage_error("matrix '{}': entry ({}, {}), counted from 0, is outside its {} rows and {} columns", label_,
                row, column, rows_.size(), columns_.size());
  const RowsLayout& layout = rows_.layout();
  if (row < layout.first_row(last_tile_) || row >= layout.first_row(TileId{last_tile_.value + 1}))
    last_tile_ = layout.tile_of(row);
  const Entry e{row, column, value};
  const RankId owner = layout.owner(last_tile_);
  if (owner == rows_.context().rank) return keep(last_tile_, e);
  Bytes& bytes = outgoing_[owner];
  const auto* data = reinterpret_cast<const std::byte*>(&e);
  bytes.insert(bytes.end(), data, data + sizeof e);
}

template <class T>
void MatrixAssembly<T>::exchange() {
  const std::map<RankId, Bytes> arrived = transport_.exchange(outgoing_);
  outgoing_.clear();
  for (const auto& [from, bytes] : arrived)
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(Entry)) {
      Entry e;
      std::memcpy(&e, bytes.data() + at, sizeof e);
      keep(rows_.layout().tile_of(e.row), e);
    }
}

template <class T>
SparseMatrix<T> MatrixAssembly<T>::finish() {
  exchange();
  std::vector<std::size_t> entries;
  for (const Pending& p : pending_) entries.push_back(p.count());
  std::vector<std::string> errors(entries.size());
  SparseMatrix<T> matrix = make_matrix<T>(
      transport_, rows_, columns_, label_, entries,
      [&](std::uint32_t index, CsrWriter<T>& writer) { convert(index, writer, errors[index]); });
  throw_first(errors);
  return matrix;
}

template <class T>
void MatrixAssembly<T>::convert(std::uint32_t index, CsrWriter<T>& to, std::string& error) {
  const std::vector<Entry> entries = pending_[index].take_sorted();
  const TileId tile = rows_.layout().tiles_of(rows_.context().rank)[index];
  const bool square = *rows_.shared_layout() == *columns_.shared_layout();
  const std::int64_t first_row = rows_.layout().first_row(tile);
  const std::uint32_t rows = rows_.layout().rows(tile), own_columns = square ? rows : 0;
  const auto is_own = [&](std::int64_t c) { return square && c >= first_row && c < first_row + rows; };

  std::vector<std::int64_t> others;
  for (const Entry& e : entries)
    if (!is_own(e.column)) others.push_back(e.column);
  std::sort(others.begin(), others.end());
  others.erase(std::unique(others.begin(), others.end()), others.end());
  to.number_others(others);
  const auto local = [&](std::int64_t c) {
    if (is_own(c)) return static_cast<LocalColumn>(c - first_row);
    const auto at = std::lower_bound(others.begin(), others.end(), c) - others.begin();
    return static_cast<LocalColumn>(own_columns + at);
  };
  std::size_t next = 0;
  for (std::uint32_t i = 0; i < rows; ++i) {
    const std::size_t begin = next;
    while (next < entries.size() && entries[next].row == first_row + i) ++next;
    for (std::size_t e = begin + 1; e < next; ++e)
      if (entries[e].column == entries[e - 1].column && error.empty())
        error = fmt::format("matrix '{}': entry ({}, {}), counted from 0, is given twice", label_,
                            entries[e].row, entries[e].column);
    for (const bool own : {true, false})
      for (std::size_t e = begin; e < next; ++e)
        if (is_own(entries[e].column) == own) to.add(local(entries[e].column), entries[e].value);
    to.end_row();
  }
}

// Every rank throws the same error: that of the lowest rank and tile which has one.
template <class T>
void MatrixAssembly<T>::throw_first(const std::vector<std::string>& errors) {
  const auto mine =
      std::find_if(errors.begin(), errors.end(), [](const std::string& e) { return !e.empty(); });
  Bytes bytes(mine == errors.end() ? 0 : mine->size());
  if (!bytes.empty()) std::memcpy(bytes.data(), mine->data(), bytes.size());
  for (const Bytes& b : transport_.gather_all(bytes))
    if (!b.empty()) usage_error("{}", std::string(reinterpret_cast<const char*>(b.data()), b.size()));
}

template class CsrWriter<double>;
template class CsrWriter<float>;
template SparseMatrix<double> make_matrix(Transport&, const Rows&, const Rows&, const std::string&,
                                          const std::vector<std::size_t>&,
                                          const std::function<void(std::uint32_t, CsrWriter<double>&)>&);
template class MatrixAssembly<double>;
template class MatrixAssembly<float>;

}  // namespace tutti
