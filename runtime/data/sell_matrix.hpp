// Sparse matrices in SELL-C-sigma: rows of similar length side by side, for vectors of rows.
// (Kreutzer, Hager, Wellein, Fehske and Bishop, A unified sparse matrix data format for efficient general
// sparse matrix-vector multiplication on modern processors with wide SIMD units, SISC 36, 2014.)
#pragma once

#include "runtime/data/sparse_matrix.hpp"

namespace tutti {

/// A tile's rows in slices of `lanes` (C); the rows of the tile are sorted by length first (sigma is the
/// tile), longest first, those of equal length in their order. Entry j of row `order[8 s + l]` is at
/// first[s] + 8 j + l; shorter rows of a slice end in zeros at column 0 of the tile. The order of a row's
/// entries, and so the bits of a product, are those of CsrTile.
template <class T>
struct SellTile : TileObject {
  static constexpr const char* element_name = sizeof(T) == 8 ? "float64 SELL matrix" : "float32 SELL matrix";
  static constexpr std::uint32_t lanes = 8;
  std::uint32_t rows = 0;
  std::uint32_t own_columns = 0;
  std::uint32_t columns = 0;
  std::uint32_t slices = 0;
  const std::uint32_t* first = nullptr;  ///< slices + 1
  const std::uint32_t* order = nullptr;  ///< slices * lanes; `rows` where a slice has no more rows
  LocalColumns column;
  const T* value = nullptr;
  void visit_addresses(AddressVisitor& v) {
    v.array(value, [&] { return first[slices] * sizeof(T); });
    column.visit_address(v, [&] { return first[slices]; });
    v.array(order, [&] { return std::uint64_t{slices} * lanes * sizeof *order; });
    v.array(first, [&] { return (slices + std::uint64_t{1}) * sizeof *first; });
  }
};

/// The same matrix in another format; it shares the columns of the one that it is made of. A handle.
template <class T>
class SellMatrix {
 public:
  explicit SellMatrix(const SparseMatrix<T>& from);
  const Rows& rows() const { return rows_; }
  const std::shared_ptr<const ColumnMap>& column_map() const { return name_->store->columns(); }
  const std::shared_ptr<Name>& name() const { return name_; }
  const SellTile<T>& tile(TileId tile) const {  ///< of this rank
    return *static_cast<const SellTile<T>*>(name_->store->tile(tile).data);
  }

 private:
  Rows rows_;
  std::shared_ptr<Name> name_;
};

template <class T>
Access read(const SellMatrix<T>& a) {
  return {a.name(), Mode::read, {}};
}

extern template class SellMatrix<double>;

}  // namespace tutti
