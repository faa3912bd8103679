// Collections as applications name them: Field over a Grid, Vector over Rows, Scalar; and accesses to them.
// (Matrices: sparse_matrix.hpp. What training needs, Sharded and Replicated: replicated.hpp.)
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/data/combine.hpp"
#include "runtime/data/grid.hpp"
#include "runtime/data/store.hpp"

namespace tutti {

/// A name of a collection. `swap` exchanges the stores behind two names; everything else stays.
struct Name {
  std::string label;
  ElementType type;
  std::shared_ptr<Store> store;
};

/// Elements of type T in the cells of a grid. A handle: copies name the same data.
template <class T>
class Field {
 public:
  /// All cells, ghosts outside the domain included, start as the grid's boundary value (T{} for structs).
  Field(const Grid& grid, const std::string& label) : grid_(grid) {
    T fill{};
    if constexpr (std::is_arithmetic_v<T>) fill = static_cast<T>(grid.layout().boundary().value);
    name_ = std::make_shared<Name>(
        Name{label, element_type<T>(), std::make_shared<Store>(grid, element_type<T>(), &fill, label)});
  }
  const Grid& grid() const { return grid_; }
  const std::shared_ptr<Name>& name() const { return name_; }

  /// This rank's cells. Between runs only.
  View<T> block() const {
    const Argument a = name_->store->block();
    return {static_cast<T*>(a.data), a.stride0, a.stride1, a.box};
  }
  /// Tells graphs that the data was changed by other means than a recorded operation. On all
  /// ranks alike.
  void touch() { name_->store->changed_on_host(); }

 private:
  Grid grid_;
  std::shared_ptr<Name> name_;
};

/// Elements of type T, one for each row. A handle: copies name the same data.
template <class T>
class Vector {
 public:
  /// All elements start as `fill`.
  Vector(const Rows& rows, const std::string& label, T fill = {})
      : rows_(rows),
        name_(std::make_shared<Name>(Name{label, element_type<T>(),
                                          std::make_shared<Store>(rows, element_type<T>(), &fill, label)})) {}
  const Rows& rows() const { return rows_; }
  const std::shared_ptr<Name>& name() const { return name_; }

  /// This rank's elements, in order of rows from layout().block(rank).lo[2] on. Between runs only.
  std::span<T> block() const {
    const Argument a = name_->store->block();
    return {static_cast<T*>(a.data), static_cast<std::size_t>(a.box.size())};
  }
  /// Tells graphs that the data was changed by other means than a recorded operation. On all ranks alike.
  void touch() { name_->store->changed_on_host(); }

 private:
  Rows rows_;
  std::shared_ptr<Name> name_;
};

/// One value, held by every rank and always the same on all of them. A handle.
template <class T>
class Scalar {
 public:
  Scalar(const RankContext&, const std::string& label, T value = {})
      : name_(std::make_shared<Name>(
            Name{label, element_type<T>(), std::make_shared<Store>(element_type<T>(), &value)})) {}
  const std::shared_ptr<Name>& name() const { return name_; }
  /// Between runs only; `set` must be called with the same value on all ranks.
  T get() const {
    if (name_->store->image) name_->store->image->fetch();
    return *static_cast<const T*>(name_->store->value());
  }
  void set(T value) {
    *static_cast<T*>(name_->store->value()) = value;
    if (name_->store->image) name_->store->image->host_changed();
  }

 private:
  std::shared_ptr<Name> name_;
};

/// Which tiles beside its own an access reads.
struct Pattern {
  Shape shape = Shape::own;
  int radius = 0;
  std::function<std::vector<TileId>(TileId)> tiles;  ///< Shape::tiles: the tiles that the given tile reads
  std::shared_ptr<const ColumnMap> columns{};        ///< Shape::columns
};

enum Corners { corners };
/// Cells up to `radius` away along one dimension.
inline Pattern halo(int radius) { return {Shape::faces, radius, {}}; }
/// Cells up to `radius` away, corners included.
inline Pattern halo(int radius, Corners) { return {Shape::box, radius, {}}; }
/// Whole tiles: fn(t) lists the tiles of the collection that tile t of the operation's space reads, in the
/// order in which its kernel gets them. The collection may live on another space than the operation's. fn
/// must give the same answer on every rank.
inline Pattern tiles(std::function<std::vector<TileId>(TileId)> fn) {
  return {Shape::tiles, 0, std::move(fn)};
}

/// All elements of a Replicated, for operations over any space.
inline Pattern whole() { return {Shape::whole, 0, {}}; }

/// The rows that the matrix has entries for: of a vector on the columns of A, whose rows the operation runs
/// over. A itself is among the arguments, too.
template <class Matrix>
Pattern columns(const Matrix& a) {
  return {Shape::columns, 0, {}, a.column_map()};
}

/// One argument of an operation: a name, how it is accessed, and from where.
struct Access {
  std::shared_ptr<Name> name;  ///< null: the built-in step number
  Mode mode = Mode::read;
  Pattern pattern;
};

/// The number of the recorded step as an argument: read(step_number) passes std::int64_t, from 0.
struct StepNumber {};
inline constexpr StepNumber step_number;

template <class T>
Access read(const Field<T>& f, Pattern p = {}) {
  return {f.name(), Mode::read, std::move(p)};
}
template <class T>
Access write(const Field<T>& f) {
  return {f.name(), Mode::write, {}};
}
template <class T>
Access update(const Field<T>& f) {
  return {f.name(), Mode::update, {}};
}
template <class T>
Access read(const Vector<T>& v, Pattern p = {}) {
  return {v.name(), Mode::read, std::move(p)};
}
template <class T>
Access write(const Vector<T>& v) {
  return {v.name(), Mode::write, {}};
}
template <class T>
Access update(const Vector<T>& v) {
  return {v.name(), Mode::update, {}};
}
template <class T>
Access read(const Scalar<T>& s) {
  return {s.name(), Mode::read, {}};
}
template <class T>
Access write(const Scalar<T>& s) {
  return {s.name(), Mode::write, {}};
}
inline Access read(StepNumber) { return {nullptr, Mode::read, {}}; }

struct Reduction {
  std::shared_ptr<Name> target;
  Combine combine = Combine::sum;
};
template <class T>
Reduction sum(const Scalar<T>& s) {
  return {s.name(), Combine::sum};
}
template <class T>
Reduction max(const Scalar<T>& s) {
  return {s.name(), Combine::max};
}
template <class T>
Reduction min(const Scalar<T>& s) {
  return {s.name(), Combine::min};
}

}  // namespace tutti
