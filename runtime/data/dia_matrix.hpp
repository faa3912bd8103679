// Sparse matrices as diagonals of slices: entries that lie on one diagonal within a few consecutive rows are
// stored side by side with one column number. For matrices whose rows resemble their neighbours, such as
// those of grids: products read contiguous memory, and an entry takes little more than its value.
// (The diagonals of Saad, Iterative Methods for Sparse Linear Systems, section 3.4, in the slices of SELL.)
#pragma once

#include "runtime/data/sparse_matrix.hpp"

namespace tutti {

/// A tile's rows in their order, in slices of `lanes`. Lane l of group g of slice s is entry (lanes s + l,
/// column[g] + l) with the value group(g)[l], 0 where the matrix has none; a lane's column may then lie up to
/// lanes - 1 outside the tile's columns. Groups of a slice are in increasing order of columns, so the order
/// of a row's entries, and the bits of a product, are those of CsrTile: first `lower`, then the diagonal,
/// `upper`, and `outside`.
template <class T>
struct DiaTile : TileObject {
  static constexpr const char* element_name = sizeof(T) == 8 ? "float64 DIA matrix" : "float32 DIA matrix";
  static constexpr std::uint32_t lanes = 8;
  /// Slice s has the groups first[s] <= g < first[s + 1].
  struct Part {
    const std::uint32_t* first = nullptr;  ///< slices + 1
    /// Where the groups that reach into the slice's own rows start (lower) or end (upper); null for outside.
    const std::uint32_t* inner = nullptr;
    const std::int32_t* column = nullptr;
    /// Of the even groups, and from `odd` on of the odd ones; one that is missing there is padding. (A core
    /// reads memory in two places at once faster than in one.)
    const T* value = nullptr;
    std::uint64_t odd = 0;
    TUTTI_FUNCTION const T* group(std::uint32_t g) const {
      return value + (g % 2 == 0 ? 0 : odd) + std::uint64_t{g / 2} * lanes;
    }
    /// Sets `odd` for this many groups; returns how many values there are.
    std::uint64_t divide(std::uint32_t groups) {
      odd = (std::uint64_t{groups} + 1) / 2 * lanes;
      return 2 * odd;
    }
  };
  std::uint32_t rows = 0;     ///< and own columns
  std::uint32_t columns = 0;  ///< all local columns
  std::uint32_t slices = 0;
  Part lower, upper;            ///< of the diagonal, in the tile's own columns
  Part outside;                 ///< in columns of other tiles
  const T* diagonal = nullptr;  ///< lanes * slices; 1 where there is no more row
  void visit_addresses(AddressVisitor& v) {
    v.array(diagonal, [&] { return std::uint64_t{slices} * lanes * sizeof(T); });
    for (Part* p : {&lower, &upper, &outside}) {
      v.array(p->value, [&] { return 2 * p->odd * sizeof(T); });
      v.array(p->column, [&] { return p->first[slices] * sizeof(std::int32_t); });
      v.array(p->inner, [&] { return slices * sizeof(std::uint32_t); });
      v.array(p->first, [&] { return (slices + std::uint64_t{1}) * sizeof(std::uint32_t); });
    }
  }
};

/// The same matrix in another format; it shares the columns of the one that it is made of. A handle.
template <class T>
class DiaMatrix {
 public:
  /// Throws Error(usage) if the matrix is not square or a row has no diagonal.
  explicit DiaMatrix(const SparseMatrix<T>& from);
  const Rows& rows() const { return rows_; }
  const std::shared_ptr<const ColumnMap>& column_map() const { return name_->store->columns(); }
  const std::shared_ptr<Name>& name() const { return name_; }
  std::int64_t entries() const { return entries_; }         ///< of all ranks, without padding
  std::uint64_t size_bytes() const { return size_bytes_; }  ///< on this rank, with padding
  const DiaTile<T>& tile(TileId tile) const {               ///< of this rank
    return *static_cast<const DiaTile<T>*>(name_->store->tile(tile).data);
  }

 private:
  Rows rows_;
  std::int64_t entries_;
  std::uint64_t size_bytes_ = 0;
  std::shared_ptr<Name> name_;
};

template <class T>
Access read(const DiaMatrix<T>& a) {
  return {a.name(), Mode::read, {}};
}

extern template class DiaMatrix<double>;

}  // namespace tutti
