// Sparse matrices: rows on one space, columns on another, compressed rows tile by tile; and their assembly.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/comm/transport.hpp"
#include "runtime/data/collection.hpp"
#include "runtime/data/rows.hpp"

namespace tutti {

/// Numbers a tile's columns: first its own rows (square matrices only), counted from the tile's first row;
/// then those of other tiles, in the order in which Columns<T>::gather_others writes them, which is that of
/// global numbers. So a tile is the same on any number of ranks.
using LocalColumn = std::uint32_t;

/// The local columns of a tile's entries: 16 bits each if that is enough for the tile, which saves a sixth of
/// a product's memory traffic, else 32.
class LocalColumns {
 public:
  LocalColumns() = default;
  /// In memory with room for 32 bits each; `columns` is how many there are to number.
  LocalColumns(void* memory, std::uint32_t columns) : memory_(memory), narrow_(columns <= 1U << 16U) {}
  TUTTI_FUNCTION LocalColumn operator[](std::size_t k) const {
    return narrow_ ? static_cast<const std::uint16_t*>(memory_)[k]
                   : static_cast<const std::uint32_t*>(memory_)[k];
  }
  void set(std::size_t k, LocalColumn column) {
    if (narrow_)
      static_cast<std::uint16_t*>(memory_)[k] = static_cast<std::uint16_t>(column);
    else
      static_cast<std::uint32_t*>(memory_)[k] = column;
  }
  /// Calls f with the array, of whichever type.
  template <class F>
  TUTTI_FUNCTION void visit(const F& f) const {
    if (narrow_)
      f(static_cast<const std::uint16_t*>(memory_));
    else
      f(static_cast<const std::uint32_t*>(memory_));
  }
  std::uint32_t bytes() const { return narrow_ ? 2 : 4; }  ///< of each
  void visit_address(AddressVisitor& v, const std::function<std::uint64_t()>& count) {
    if (memory_ == nullptr) return;
    const void* address = memory_;
    v.visit(address, [&] { return count() * bytes(); });
    memory_ = const_cast<void*>(address);  // kernels only read it
  }

 private:
  void* memory_ = nullptr;
  bool narrow_ = false;
};

/// A tile's rows of a matrix, compressed; every array belongs to the matrix. Row i has the entries first[i]
/// <= k < first[i + 1] in increasing order of local columns: so those below the diagonal come first, then the
/// diagonal (at `diagonal[i]`), those above it, and from outside[i] on those in other tiles.
template <class T>
struct CsrTile : TileObject {
  static constexpr const char* element_name = sizeof(T) == 8 ? "float64 matrix" : "float32 matrix";
  std::uint32_t rows = 0;
  std::uint32_t own_columns = 0;  ///< rows of a square matrix, else 0
  std::uint32_t columns = 0;      ///< all local columns
  const std::uint32_t* first = nullptr;
  const std::uint32_t* diagonal = nullptr;  ///< null unless every row of a square matrix has one
  const std::uint32_t* outside = nullptr;
  LocalColumns column;
  const T* value = nullptr;
  TUTTI_FUNCTION std::uint32_t entries() const { return first[rows]; }
  void visit_addresses(AddressVisitor& v) {
    v.array(value, [&] { return entries() * sizeof(T); });
    column.visit_address(v, [&] { return entries(); });
    v.array(diagonal, [&] { return rows * sizeof *diagonal; });
    v.array(outside, [&] { return rows * sizeof *outside; });
    v.array(first, [&] { return (rows + std::uint64_t{1}) * sizeof *first; });
  }
};

/// Writes the entries of one tile, row by row.
template <class T>
class CsrWriter {
 public:
  /// `columns`: what the columns number; `square` if these are the rows. The arrays of `tile` have room.
  CsrWriter(CsrTile<T>& tile, const RowsLayout& columns, bool square);

  /// The columns of other tiles, in increasing order: local column rows + i (square matrices) or i is number
  /// others[i]. Before the first entry.
  void number_others(const std::vector<std::int64_t>& others);
  /// The next entry of the row. Entries of a row come in increasing order of local columns.
  void add(LocalColumn column, T value) {
    if (column < tile_.own_columns) {
      ++own_;
      if (column == row_) {
        const_cast<std::uint32_t*>(tile_.diagonal)[row_] = next_;
        ++diagonals_;
      }
    }
    tile_.column.set(next_, column);
    const_cast<T*>(tile_.value)[next_++] = value;
  }
  void end_row() {
    const std::uint32_t first = tile_.first[row_];
    const_cast<std::uint32_t*>(tile_.outside)[row_] = first + own_;
    const_cast<std::uint32_t*>(tile_.first)[++row_] = next_;
    own_ = 0;
  }
  /// After the last row.
  std::vector<ColumnMap::Part> finish();

 private:
  CsrTile<T>& tile_;  // its arrays are constant to everybody else
  const RowsLayout& columns_;
  std::vector<ColumnMap::Part> parts_;
  std::uint32_t row_ = 0, next_ = 0, own_ = 0, diagonals_ = 0;
};

/// A matrix of which each rank has the rows of its tiles. Made by make_matrix or MatrixAssembly; kernels only
/// read it. A handle.
template <class T>
class SparseMatrix {
 public:
  const Rows& rows() const { return rows_; }
  const Rows& column_rows() const { return columns_; }  ///< what its columns number
  const std::shared_ptr<const ColumnMap>& column_map() const { return name_->store->columns(); }
  const std::shared_ptr<Name>& name() const { return name_; }
  std::int64_t entries() const { return entries_; }         ///< of all ranks
  std::uint64_t size_bytes() const { return size_bytes_; }  ///< on this rank
  bool has_diagonal() const { return has_diagonal_; }       ///< every row has one (square matrices)
  const CsrTile<T>& tile(TileId tile) const {               ///< of this rank
    return *static_cast<const CsrTile<T>*>(name_->store->tile(tile).data);
  }

 private:
  template <class U>
  friend SparseMatrix<U> make_matrix(Transport&, const Rows&, const Rows&, const std::string&,
                                     const std::vector<std::size_t>&,
                                     const std::function<void(std::uint32_t, CsrWriter<U>&)>&);
  SparseMatrix(const Rows& rows, const Rows& columns) : rows_(rows), columns_(columns) {}

  Rows rows_;
  Rows columns_;
  std::shared_ptr<Name> name_;
  std::int64_t entries_ = 0;
  std::uint64_t size_bytes_ = 0;
  bool has_diagonal_ = false;
};

template <class T>
Access read(const SparseMatrix<T>& a) {
  return {a.name(), Mode::read, {}};
}

/// A matrix whose rows their owner knows: fill(i, writer) writes those of own tile i (its index_in_rank), of
/// `entries[i]` entries at most, on the tile's worker. Collective.
template <class T>
SparseMatrix<T> make_matrix(Transport& transport, const Rows& rows, const Rows& columns,
                            const std::string& label, const std::vector<std::size_t>& entries,
                            const std::function<void(std::uint32_t, CsrWriter<T>&)>& fill);

/// Collects the entries of a matrix on all ranks at once, each of which may have any entries, and sends them
/// to the owners of their rows. No rank ever holds more than its own rows and what it has added since the
/// last exchange. An entry may be given once: twice is refused, since the bits of a sum would depend on who
/// gave which first.
template <class T>
class MatrixAssembly {
 public:
  MatrixAssembly(Transport& transport, const Rows& rows, const Rows& columns, const std::string& label);
  ~MatrixAssembly();

  /// Entry (row, column), numbered from 0. Throws Error(usage) if there is no such row or column. Local.
  void add(std::int64_t row, std::int64_t column, T value);
  /// Sends what belongs to other ranks: call it after each piece of a large input. Collective.
  void exchange();
  /// The matrix. Throws Error(usage) on all ranks, naming row and column, if an entry was given twice.
  /// Collective; the last call.
  SparseMatrix<T> finish();

 private:
  struct Entry {
    std::int64_t row;
    std::int64_t column;
    T value;
  };
  class Pending;  // the entries of one own tile

  void keep(TileId tile, const Entry& e) { pending_[rows_.layout().index_in_rank(tile)].add(e); }
  void convert(std::uint32_t index, CsrWriter<T>& to, std::string& error);
  void throw_first(const std::vector<std::string>& errors);

  Transport& transport_;
  Rows rows_;
  Rows columns_;
  std::string label_;
  std::vector<Pending> pending_;  // by own tile
  std::map<RankId, Bytes> outgoing_;
  TileId last_tile_{0};
};

extern template class CsrWriter<double>;
extern template class CsrWriter<float>;
extern template SparseMatrix<double> make_matrix(
    Transport&, const Rows&, const Rows&, const std::string&, const std::vector<std::size_t>&,
    const std::function<void(std::uint32_t, CsrWriter<double>&)>&);
extern template class MatrixAssembly<double>;
extern template class MatrixAssembly<float>;

}  // namespace tutti
