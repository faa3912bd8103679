// Random programs: a description that can be recorded, and interpreted without any of Tutti's passes.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "runtime/comm/transport.hpp"
#include "runtime/data/collection.hpp"
#include "runtime/data/grid.hpp"
#include "runtime/data/replicated.hpp"
#include "runtime/data/sparse_matrix.hpp"
#include "runtime/graph/recorder.hpp"

namespace tutti::test {

struct RandomStatement {
  enum class Kind {
    mix,          // update(a)
    halo,         // read(a, halo(radius[, corners])), write(b)
    blend,        // read(a), read(scalar s), read(step), update(b)
    tiles,        // read(a, tiles(fn)), write(b)
    sum,          // scalar s = sum of a
    max,          // scalar s = max of a
    real_sum,     // real scalar = sum of a as doubles
    multiply,     // read(A), read(vector, columns(A)), write(another vector), perhaps on other rows
    sweep,        // scalar s = sum of a vector, which it updates
    gather,       // read(vector, tiles(fn)), write(another vector), perhaps on other rows
    renew,        // scalar s = sum of a replicated array, whose segments it updates
    spread,       // read(replicated array, whole()), update(a)
    fold,         // scalar t (with_corners: s itself) = f(scalar s, real scalar)
    swap,         // a <-> b
    swap_scalar,  // s <-> t
    stop,         // stop_when(s % modulus == 0), lag
  } kind = Kind::mix;
  int a = 0, b = 0, s = 0, t = 0;
  int radius = 1;
  bool with_corners = false;
  int function = 0;
  std::uint64_t modulus = 1;
  std::int64_t lag = 0;
};

/// Everything about a program except on how many ranks and workers it runs.
struct RandomProgram {
  std::uint64_t seed = 0;
  std::vector<std::int64_t> extents;
  GridOptions grid;
  int fields = 2;
  std::vector<std::int64_t> bounds[2];  ///< two cuts of rows into tiles; each has two vectors
  int scalars = 2;
  std::vector<std::vector<RandomStatement>> phases;
  std::vector<std::int64_t> runs;  ///< lengths of consecutive runs

  bool may_stop() const;
  /// The statement whose swap another graph may undo or repeat between runs, or null: the only swap of a
  /// program of one phase, so that every order of the names is one at which the program can enter.
  const RandomStatement* outside_swap() const;

  struct Entry {
    std::int64_t row, column;
    double value;
  };
  /// The matrix with rows of cut `to` and columns of cut `from`.
  std::vector<Entry> entries(int to, int from) const;

  static RandomProgram make(std::uint64_t seed);
  std::string describe() const;
};

/// The data of a program and its recording, on one rank.
struct RecordedProgram {
  /// Collective: each rank gives some entries of the matrices, whoever owns them.
  RecordedProgram(const RandomProgram& program, const RankContext& context, Transport& transport);
  /// The swap alone.
  void record_swap(Recorder& r, const RandomStatement& s) const {
    r.swap(fields[static_cast<std::size_t>(s.a)], fields[static_cast<std::size_t>(s.b)]);
  }
  /// Statements of one phase.
  void record(Recorder& r, int phase) const;

  const RandomProgram& program;
  Grid grid;
  std::vector<Field<std::uint64_t>> fields;
  std::vector<Rows> rows;                                   // by cut
  std::vector<std::vector<Vector<std::uint64_t>>> vectors;  // by cut
  std::vector<SparseMatrix<double>> matrices;               // 2 to + from
  std::vector<Replicated<std::uint64_t>> replicated;        // by cut; segments dealt in reverse
  std::vector<Scalar<std::uint64_t>> scalars;
  Scalar<double> real;
};

/// Interprets a program statement by statement on global arrays.
class Oracle {
 public:
  explicit Oracle(const RandomProgram& program);
  /// Returns the number of steps done.
  std::int64_t run(std::int64_t steps);
  /// What another graph does that only swaps two fields.
  void swap_fields(const RandomStatement& s) {
    std::swap(fields_[static_cast<std::size_t>(s.a)], fields_[static_cast<std::size_t>(s.b)]);
  }
  /// Describes the first difference to what a rank holds, or is empty.
  std::string difference(const RecordedProgram& rank) const;

 private:
  using Array = std::vector<std::uint64_t>;
  bool execute(const RandomStatement& s);  // true: stop
  std::uint64_t at(const Array& a, std::int64_t i, std::int64_t j, std::int64_t k) const;
  template <class F>
  void for_each_cell(F&& f) const;
  std::uint64_t linear(std::int64_t i, std::int64_t j, std::int64_t k) const;

  const RandomProgram& program_;
  GridLayout layout_;  // on one rank: tile boxes only
  std::vector<Array> fields_;
  Array vectors_[2][2];  // by cut
  Array replicated_[2];  // by cut
  std::vector<std::uint64_t> scalars_;
  double real_ = 0;
  std::int64_t step_ = 0;
};

}  // namespace tutti::test
