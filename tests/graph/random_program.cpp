#include "tests/graph/random_program.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "runtime/data/binned_sum.hpp"
#include "tests/graph/random_kernels.hpp"

namespace tutti::test {
// -- making programs
// ------------------------------------------------------------------------------------------

RandomProgram RandomProgram::make(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
  };
  RandomProgram p;
  p.seed = seed;
  const auto dimensions = 1 + below(3);
  for (int d = 0; d < dimensions; ++d) {
    p.extents.push_back(2 + below(dimensions == 1 ? 40 : dimensions == 2 ? 14 : 7));
    p.grid.tile.push_back(1 + below(std::min<std::int64_t>(p.extents.back(), 6)));
  }
  p.grid.halo = 2;
  p.grid.boundary = below(2) ? Boundary::wrap() : Boundary::fixed(outside);
  p.fields = static_cast<int>(2 + below(3));
  p.scalars = static_cast<int>(2 + below(2));
  for (auto& bounds : p.bounds) {
    bounds.push_back(0);
    const auto tiles = 1 + below(9);
    for (int t = 0; t < tiles; ++t) bounds.push_back(bounds.back() + 1 + below(7));
  }
  const auto phases = 1 + (below(3) == 0 ? below(3) : 0);
  const bool may_stop = below(3) == 0;
  using K = RandomStatement::Kind;
  for (int phase = 0; phase < phases; ++phase) {
    auto& statements = p.phases.emplace_back();
    const auto count = 1 + below(7);
    for (int i = 0; i < count; ++i) {
      RandomStatement s;
      static constexpr K kinds[] = {K::mix,      K::halo,  K::halo,  K::halo,     K::blend,    K::tiles,
                                    K::tiles,    K::sum,   K::max,   K::real_sum, K::multiply, K::multiply,
                                    K::multiply, K::sweep, K::fold,  K::swap,     K::swap,     K::swap_scalar,
                                    K::gather,   K::renew, K::spread};
      s.kind = kinds[below(std::size(kinds))];
      s.a = static_cast<int>(below(p.fields));
      s.b = static_cast<int>((s.a + 1 + below(p.fields - 1)) % p.fields);
      s.s = static_cast<int>(below(p.scalars));
      s.t = static_cast<int>((s.s + 1 + below(p.scalars - 1)) % p.scalars);
      s.radius = static_cast<int>(1 + below(2));
      // a radius may not exceed a periodic extent; all extents are at least 2
      s.with_corners = below(2) != 0;
      s.function = static_cast<int>(below(5));
      statements.push_back(s);
    }
    if (may_stop && below(2) == 0) {
      RandomStatement s;
      s.kind = K::stop;
      s.s = static_cast<int>(below(p.scalars));
      s.modulus = static_cast<std::uint64_t>(2 + below(6));
      s.lag = below(3);
      statements.push_back(s);
    }
  }
  const auto runs = 1 + below(4);
  for (int i = 0; i < runs; ++i) p.runs.push_back(below(9));
  return p;
}

std::vector<RandomProgram::Entry> RandomProgram::entries(int to, int from) const {
  std::mt19937_64 random(seed * 4 + static_cast<std::uint64_t>(2 * to + from));
  std::vector<Entry> all;
  const std::int64_t columns = bounds[from].back();
  for (std::int64_t row = 0; row < bounds[to].back(); ++row) {
    const auto density = random() % 4;  // some rows are empty, some nearly full
    for (std::int64_t column = 0; column < columns; ++column)
      if (random() % 8 < density) all.push_back({row, column, static_cast<double>(1 + random() % 1000)});
  }
  std::shuffle(all.begin(), all.end(), random);
  return all;
}

bool RandomProgram::may_stop() const {
  const auto stops = [](const RandomStatement& s) { return s.kind == RandomStatement::Kind::stop; };
  return std::any_of(phases.begin(), phases.end(),
                     [&](const auto& phase) { return std::any_of(phase.begin(), phase.end(), stops); });
}

const RandomStatement* RandomProgram::outside_swap() const {
  const RandomStatement* found = nullptr;
  if (phases.size() > 1) return nullptr;
  for (const RandomStatement& s : phases[0]) {
    if (s.kind == RandomStatement::Kind::swap_scalar) return nullptr;
    if (s.kind != RandomStatement::Kind::swap) continue;
    if (found) return nullptr;
    found = &s;
  }
  return found;
}

std::string RandomProgram::describe() const {
  std::string text = fmt::format("seed {}: extents", seed);
  for (std::size_t d = 0; d < extents.size(); ++d) text += fmt::format(" {}/{}", extents[d], grid.tile[d]);
  text += fmt::format(", {}, {} fields, {} phases, runs", grid.boundary.periodic ? "periodic" : "fixed",
                      fields, phases.size());
  for (const auto n : runs) text += fmt::format(" {}", n);
  static constexpr const char* names[] = {"mix",      "halo",     "blend",       "tiles",  "sum",   "max",
                                          "real_sum", "multiply", "sweep",       "gather", "renew", "spread",
                                          "fold",     "swap",     "swap_scalar", "stop"};
  for (const auto& phase : phases)
    for (const auto& s : phase)
      text +=
          fmt::format("\n  {} a{} b{} s{} t{} r{}{} f{} mod {} lag {}", names[static_cast<int>(s.kind)], s.a,
                      s.b, s.s, s.t, s.radius, s.with_corners ? "c" : "", s.function, s.modulus, s.lag);
  return text;
}

RecordedProgram::RecordedProgram(const RandomProgram& p, const RankContext& context, Transport& transport)
    : program(p), grid(context, p.extents, p.grid), real(context, "real", 0.5) {
  for (int f = 0; f < p.fields; ++f) {
    fields.emplace_back(grid, fmt::format("field{}", f));
    const View<std::uint64_t> v = fields.back().block();
    for (std::int64_t i = 0; i < v.extent(0); ++i)
      for (std::int64_t j = 0; j < v.extent(1); ++j)
        for (std::int64_t k = 0; k < v.extent(2); ++k)
          v(i, j, k) =
              mix(static_cast<std::uint64_t>(f) +
                  linear_index(grid.layout().extents(), v.box.lo[0] + i, v.box.lo[1] + j, v.box.lo[2] + k));
  }
  for (int cut = 0; cut < 2; ++cut) {
    rows.emplace_back(context, p.bounds[cut]);
    auto& mine = vectors.emplace_back();
    for (int v = 0; v < 2; ++v) {
      mine.emplace_back(rows.back(), fmt::format("vector{}{}", cut, v));
      std::int64_t row = rows.back().layout().block(context.rank).lo[2];
      for (std::uint64_t& x : mine.back().block()) x = vector_start(cut, v, row++);
    }
    std::vector<RankId> owners;
    const std::size_t tiles = p.bounds[cut].size() - 1;
    for (std::size_t t = 0; t < tiles; ++t)
      owners.emplace_back(context.ranks - 1 - t * context.ranks / tiles);
    replicated.emplace_back(Rows(context, p.bounds[cut], owners), fmt::format("replicated{}", cut));
    std::int64_t row = 0;
    for (std::uint64_t& x : replicated.back().all()) x = vector_start(cut, 2, row++);
  }
  for (int to = 0; to < 2; ++to)
    for (int from = 0; from < 2; ++from) {
      MatrixAssembly<double> assembly(transport, rows[static_cast<std::size_t>(to)],
                                      rows[static_cast<std::size_t>(from)], "matrix");
      const auto entries = p.entries(to, from);
      for (std::size_t i = context.rank.index(); i < entries.size(); i += context.ranks) {
        assembly.add(entries[i].row, entries[i].column, entries[i].value);
      }
      matrices.push_back(assembly.finish());
    }
  for (int s = 0; s < p.scalars; ++s)
    scalars.emplace_back(context, fmt::format("scalar{}", s), mix(static_cast<std::uint64_t>(100 + s)));
}

void RecordedProgram::record(Recorder& r, int phase) const {
  using K = RandomStatement::Kind;
  const GridLayout& layout = grid.layout();
  const auto count = layout.tile_count();
  for (const RandomStatement& s : program.phases[static_cast<std::size_t>(phase)]) {
    const auto& a = fields[static_cast<std::size_t>(s.a)];
    const auto& b = fields[static_cast<std::size_t>(s.b)];
    const auto& x = scalars[static_cast<std::size_t>(s.s)];
    const auto& y = scalars[static_cast<std::size_t>(s.t)];
    switch (s.kind) {
      case K::mix:
        r.each(grid, make_kernel("mix", Mix{layout.extents()}), update(a));
        break;
      case K::halo:
        r.each(grid, halo_kernel(s.radius, s.with_corners, layout.dimensions()),
               read(a, s.with_corners ? halo(s.radius, corners) : halo(s.radius)), write(b));
        break;
      case K::blend:
        r.each(grid, make_kernel("blend", Blend{}), read(a), read(x), read(step_number), update(b));
        break;
      case K::tiles:
        r.each(grid, make_kernel("tiles", Tiles{}),
               read(a, tiles([f = s.function, count](TileId t) { return tiles_read(f, count, t); })),
               write(b));
        break;
      case K::sum:
        r.reduce(grid, make_kernel("sum", Sum{}), sum(x), read(a));
        break;
      case K::max:
        r.reduce(grid, make_kernel("max", Max{}), max(x), read(a));
        break;
      case K::real_sum:
        r.reduce(grid, make_kernel("real_sum", RealSum{}), sum(real), read(a));
        break;
      case K::multiply: {
        const std::size_t to = s.function & 1, from = s.function / 2 & 1, v = s.a & 1;
        const auto& m = matrices[2 * to + from];
        r.each(rows[to], make_kernel("multiply", Multiply{}), read(m), read(vectors[from][v], columns(m)),
               write(vectors[to][1 - v]));
        break;
      }
      case K::sweep: {
        const std::size_t cut = s.function & 1;
        r.reduce(rows[cut], make_kernel("sweep", Sweep{}), sum(x), update(vectors[cut][s.a & 1]));
        break;
      }
      case K::gather: {
        const std::size_t to = s.b & 1, from = s.t & 1, v = s.a & 1;
        const auto tile_count = rows[from].layout().tile_count();
        r.each(rows[to], make_kernel("gather", Gather{}),
               read(vectors[from][v], tiles([f = s.function, tile_count](TileId t) {
                      return tiles_read(f, tile_count, TileId{t.value % tile_count});
                    })),
               write(vectors[to][1 - v]));
        break;
      }
      case K::renew: {
        const Replicated<std::uint64_t>& w = replicated[s.function & 1];
        r.reduce(w.segments(), make_kernel("renew", Sweep{}), sum(x), update(w));
        break;
      }
      case K::spread:
        r.each(grid, make_kernel("spread", Spread{}), read(replicated[s.function & 1], whole()), update(a));
        break;
      case K::fold:
        if (s.radius > 1)  // a function is the host's
          r.compute([](std::uint64_t v, double w) { return fold_value(v, w); }, read(x), read(real),
                    write(s.with_corners ? x : y));
        else
          r.compute(make_kernel("fold", FoldScalars{}), read(x), read(real), write(s.with_corners ? x : y));
        break;
      case K::swap:
        r.swap(a, b);
        break;
      case K::swap_scalar:
        r.swap(x, y);
        break;
      case K::stop:
        r.stop_when(lag(s.lag), make_kernel("divided", DividedBy{s.modulus}), read(x));
        break;
    }
  }
}

// -- the oracle
// -----------------------------------------------------------------------------------------------

Oracle::Oracle(const RandomProgram& p) : program_(p), layout_(p.extents, p.grid, 1) {
  const auto cells = static_cast<std::size_t>(layout_.domain().size());
  for (int f = 0; f < p.fields; ++f) {
    auto& a = fields_.emplace_back(cells);
    for (std::size_t c = 0; c < cells; ++c) a[c] = mix(static_cast<std::uint64_t>(f) + c);
  }
  for (int cut = 0; cut < 2; ++cut) {
    for (int v = 0; v < 2; ++v)
      for (std::int64_t row = 0; row < p.bounds[cut].back(); ++row)
        vectors_[cut][v].push_back(vector_start(cut, v, row));
    for (std::int64_t row = 0; row < p.bounds[cut].back(); ++row)
      replicated_[cut].push_back(vector_start(cut, 2, row));
  }
  for (int s = 0; s < p.scalars; ++s) scalars_.push_back(mix(static_cast<std::uint64_t>(100 + s)));
  real_ = 0.5;
}

std::int64_t Oracle::run(std::int64_t steps) {
  std::int64_t limit = step_ + steps;
  const std::int64_t first = step_;
  for (; step_ < limit; ++step_)
    for (const RandomStatement& s : program_.phases[static_cast<std::size_t>(step_) % program_.phases.size()])
      if (execute(s)) limit = std::min(limit, step_ + 1 + s.lag);
  return step_ - first;
}

std::uint64_t Oracle::linear(std::int64_t i, std::int64_t j, std::int64_t k) const {
  return linear_index(layout_.extents(), i, j, k);
}

std::uint64_t Oracle::at(const Array& a, std::int64_t i, std::int64_t j, std::int64_t k) const {
  const Index3& n = layout_.extents();
  Index3 c{i, j, k};
  for (int d = 0; d < 3; ++d) {
    if (c[d] >= 0 && c[d] < n[d]) continue;
    if (!layout_.boundary().periodic) return outside;
    c[d] = ((c[d] % n[d]) + n[d]) % n[d];
  }
  return a[linear(c[0], c[1], c[2])];
}

template <class F>
void Oracle::for_each_cell(F&& f) const {
  const Index3& n = layout_.extents();
  for (std::int64_t i = 0; i < n[0]; ++i)
    for (std::int64_t j = 0; j < n[1]; ++j)
      for (std::int64_t k = 0; k < n[2]; ++k) f(i, j, k);
}

bool Oracle::execute(const RandomStatement& s) {
  using K = RandomStatement::Kind;
  Array& a = fields_[static_cast<std::size_t>(s.a)];
  Array& b = fields_[static_cast<std::size_t>(s.b)];
  std::uint64_t& x = scalars_[static_cast<std::size_t>(s.s)];
  std::uint64_t& y = scalars_[static_cast<std::size_t>(s.t)];
  auto tile_view = [&](Array& array, TileId t) {
    View<std::uint64_t> v;
    v.box = layout_.tile_box(t);
    v.stride0 = layout_.extents()[1] * layout_.extents()[2];
    v.stride1 = layout_.extents()[2];
    v.data = array.data() + linear(v.box.lo[0], v.box.lo[1], v.box.lo[2]);
    return v;
  };
  switch (s.kind) {
    case K::mix:
      for_each_cell(
          [&](auto i, auto j, auto k) { a[linear(i, j, k)] = mix(a[linear(i, j, k)] + linear(i, j, k)); });
      break;
    case K::halo:
      for_each_cell([&](auto i, auto j, auto k) {
        b[linear(i, j, k)] =
            halo_value(s.radius, s.with_corners, layout_.dimensions(),
                       [&](auto di, auto dj, auto dk) { return at(a, i + di, j + dj, k + dk); });
      });
      break;
    case K::blend:
      for_each_cell([&](auto i, auto j, auto k) {
        b[linear(i, j, k)] = blend_value(a[linear(i, j, k)], b[linear(i, j, k)], x, step_);
      });
      break;
    case K::tiles:
      for (std::uint32_t t = 0; t < layout_.tile_count(); ++t) {
        std::uint64_t sum = 1;
        for (const TileId in : tiles_read(s.function, layout_.tile_count(), TileId{t}))
          sum = mix(sum + in.value + total(tile_view(a, in)));
        const auto v = tile_view(b, TileId{t});
        for (std::int64_t i = 0; i < v.extent(0); ++i)
          for (std::int64_t j = 0; j < v.extent(1); ++j)
            for (std::int64_t k = 0; k < v.extent(2); ++k)
              v(i, j, k) = mix(sum + static_cast<std::uint64_t>(i * 64 + j * 8 + k) + t);
      }
      break;
    case K::sum:
      x = 0;
      for (const auto v : a) x += v;
      break;
    case K::max:
      x = *std::max_element(a.begin(), a.end());
      break;
    case K::real_sum: {
      BinnedSum total_sum;
      for (std::uint32_t t = 0; t < layout_.tile_count(); ++t) {
        const auto v = tile_view(a, TileId{t});
        total_sum.add(RealSum{}(In<std::uint64_t>{{v.data, v.stride0, v.stride1, v.box}}));
      }
      real_ = total_sum.value();
      break;
    }
    case K::multiply: {
      const int to = s.function & 1, from = s.function / 2 & 1, v = s.a & 1;
      Array sums(vectors_[to][1 - v].size(), 1);
      for (const auto& e : program_.entries(to, from))
        sums[static_cast<std::size_t>(e.row)] +=
            static_cast<std::uint64_t>(e.value) * vectors_[from][v][static_cast<std::size_t>(e.column)];
      for (std::size_t i = 0; i < sums.size(); ++i) vectors_[to][1 - v][i] = mix(sums[i]);
      break;
    }
    case K::gather: {
      const int to = s.b & 1, from = s.t & 1, v = s.a & 1;
      const auto& bounds_to = program_.bounds[to];
      const auto& bounds_from = program_.bounds[from];
      const auto count = static_cast<std::uint32_t>(bounds_from.size() - 1);
      Array result(vectors_[to][1 - v].size());
      for (std::uint32_t t = 0; t + 1 < bounds_to.size(); ++t) {
        std::uint64_t sum = 1;
        for (const TileId in : tiles_read(s.function, count, TileId{t % count})) {
          std::uint64_t all = 0;
          for (std::int64_t i = bounds_from[in.index()]; i < bounds_from[in.index() + 1]; ++i)
            all += vectors_[from][v][static_cast<std::size_t>(i)];
          sum = mix(sum + in.value + all);
        }
        for (std::int64_t i = bounds_to[t]; i < bounds_to[t + 1]; ++i)
          result[static_cast<std::size_t>(i)] = mix(sum + static_cast<std::uint64_t>(i));
      }
      vectors_[to][1 - v] = result;
      break;
    }
    case K::spread: {
      const std::uint64_t sum = ordered_hash(replicated_[s.function & 1]);
      for (std::uint64_t& v : a) v = mix(v + sum);
      break;
    }
    case K::renew:
    case K::sweep: {
      Array& vector = s.kind == K::renew ? replicated_[s.function & 1] : vectors_[s.function & 1][s.a & 1];
      x = 0;
      for (std::size_t i = 0; i < vector.size(); ++i) x += vector[i] = mix(vector[i] + i);
      break;
    }
    case K::fold:
      (s.with_corners ? x : y) = fold_value(x, real_);
      break;
    case K::swap:
      std::swap(a, b);
      break;
    case K::swap_scalar:
      std::swap(x, y);
      break;
    case K::stop:
      return x % s.modulus == 0;
  }
  return false;
}

std::string Oracle::difference(const RecordedProgram& rank) const {
  for (std::size_t s = 0; s < scalars_.size(); ++s)
    if (rank.scalars[s].get() != scalars_[s])
      return fmt::format("scalar{} is {}, not {}", s, rank.scalars[s].get(), scalars_[s]);
  if (std::bit_cast<std::uint64_t>(rank.real.get()) != std::bit_cast<std::uint64_t>(real_))
    return fmt::format("real is {}, not {}", rank.real.get(), real_);
  for (std::size_t cut = 0; cut < 2; ++cut)
    for (std::size_t v = 0; v < 2; ++v) {
      const auto& vector = rank.vectors[cut][v];
      auto row = static_cast<std::size_t>(vector.rows().layout().block(rank.grid.context().rank).lo[2]);
      for (const std::uint64_t element : vector.block())
        if (element != vectors_[cut][v][row++])
          return fmt::format("vector{}{} differs at row {} on rank {}", cut, v, row - 1,
                             rank.grid.context().rank.value);
    }
  for (std::size_t cut = 0; cut < 2; ++cut) {
    const Replicated<std::uint64_t>& w = rank.replicated[cut];
    const Box own = w.segments().layout().block(rank.grid.context().rank);
    for (std::int64_t i = own.lo[2]; i < own.hi[2]; ++i)
      if (w.all()[static_cast<std::size_t>(i)] != replicated_[cut][static_cast<std::size_t>(i)])
        return fmt::format("replicated{} differs at {} on its owner, rank {}", cut, i,
                           rank.grid.context().rank.value);
  }
  for (std::size_t f = 0; f < fields_.size(); ++f) {
    const auto v = rank.fields[f].block();
    for (std::int64_t i = 0; i < v.extent(0); ++i)
      for (std::int64_t j = 0; j < v.extent(1); ++j)
        for (std::int64_t k = 0; k < v.extent(2); ++k)
          if (v(i, j, k) != fields_[f][linear(v.box.lo[0] + i, v.box.lo[1] + j, v.box.lo[2] + k)])
            return fmt::format("field{} differs at ({}, {}, {}) on rank {}", f, v.box.lo[0] + i,
                               v.box.lo[1] + j, v.box.lo[2] + k, rank.grid.context().rank.value);
  }
  return {};
}

}  // namespace tutti::test
