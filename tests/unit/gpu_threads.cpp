// What each thread of a CUDA kernel does is a function of its number (gpu/): here the host plays all threads
// of a launch one after the other, and the results have the bits of the host's own bodies.
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "gpu/check/grid_system.hpp"
#include "gpu/combine.hpp"
#include "gpu/lanes.hpp"
#include "gpu/sparse/sweeps.hpp"
#include "gpu/stencil/march.hpp"
#include "kernels/blas1/lanes.hpp"
#include "kernels/sparse/sparse.hpp"
#include "kernels/stencil/reference.hpp"
#include "runtime/data/binned_sum.hpp"

namespace {

using namespace tutti;
using kernels::reference::Array;

std::mt19937_64& random_numbers() {
  static std::mt19937_64 random([] {
    const auto seed = std::random_device{}();
    std::printf("seed %u\n", seed);
    return seed;
  }());
  return random;
}
void fill(std::vector<double>& v) {
  for (double& x : v) x = std::uniform_real_distribution<double>(-1, 1)(random_numbers());
}

/// An array as the march needs it: rows that start at even places.
struct Field {
  std::int64_t ghosts, before, stride0, stride1;
  std::vector<double> memory;
  gpu::Field3 view;
  Field(const Array& a, std::int64_t ghosts) : ghosts(ghosts) {
    before = (ghosts + 7) / 8 * 8;
    stride1 = before + (a.n2 + ghosts + 7) / 8 * 8;
    stride0 = stride1 * (a.n1 + 2 * ghosts);
    memory.assign(static_cast<std::size_t>(stride0 * (a.n0 + 2 * ghosts)), std::nan(""));
    view = {memory.data() + ghosts * (stride0 + stride1) + before, stride0, stride1};
    for (std::int64_t i = -ghosts; i < a.n0 + ghosts; ++i)
      for (std::int64_t j = -ghosts; j < a.n1 + ghosts; ++j)
        for (std::int64_t k = -ghosts; k < a.n2 + ghosts; ++k) at(i, j, k) = a.at(i, j, k);
  }
  double& at(std::int64_t i, std::int64_t j, std::int64_t k) {
    return view.data[i * stride0 + j * stride1 + k];
  }
};

/// Every thread of every block of a launch over the box.
template <class Cell>
void march_all(const Cell& cell, const Array& u, Array& next, std::int64_t blocks_wanted) {
  Field from(u, Cell::radius), to(next, Cell::radius);
  const std::int64_t depth = gpu::march_depth(u.n0, u.n1, u.n2, blocks_wanted);
  std::set<const double*> prefetched;
  const auto store = [](double* at, gpu::Pair p) {
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(at) % 16, 0U);
    at[0] = p.x;
    at[1] = p.y;
  };
  const auto blocks = [](std::int64_t n, std::int64_t of) {
    return static_cast<std::uint32_t>((n + of - 1) / of);
  };
  for (std::uint32_t bi = 0; bi < blocks(u.n0, depth); ++bi)
    for (std::uint32_t bj = 0; bj < blocks(u.n1, gpu::march_threads_j); ++bj)
      for (std::uint32_t bk = 0; bk < blocks(u.n2, gpu::march_cells_k); ++bk)
        for (std::uint32_t tj = 0; tj < gpu::march_threads_j; ++tj)
          for (std::uint32_t tk = 0; tk < gpu::march_threads_k; ++tk) {
            const auto place = gpu::march_place(bk, bj, bi, tk, tj, depth, u.n0);
            if (place.j >= u.n1 || place.k >= u.n2) continue;
            if (place.k + 1 < u.n2)
              gpu::march(cell, from.view, to.view, place, store, [&](const double* p) {
                ASSERT_LT(p, from.memory.data() + from.memory.size());
                prefetched.insert(p);
              });
            else
              gpu::march_single(cell, from.view, to.view, place);
          }
  EXPECT_EQ(prefetched.empty(), depth <= 2);
  for (std::int64_t i = 0; i < u.n0; ++i)
    for (std::int64_t j = 0; j < u.n1; ++j)
      for (std::int64_t k = 0; k < u.n2; ++k) next.at(i, j, k) = to.at(i, j, k);
}

template <class Cell, class Reference>
void compare_march(const Cell& cell, const Reference& reference) {
  for (const auto& n : {Index3{40, 11, 65}, Index3{17, 8, 130}, Index3{33, 3, 64}}) {
    Array u(n[0], n[1], n[2], Cell::radius), expected = u;
    fill(u.cells);
    fill(expected.cells);
    Array got = expected;
    reference(u, expected);
    march_all(cell, u, got, 1000);
    EXPECT_EQ(got.cells, expected.cells);
  }
}

TEST(GpuThreads, MarchHasTheBitsOfTheReference) {
  namespace k = kernels;
  compare_march(k::Heat7Cell{0.11}, [](const Array& u, Array& n) { k::reference::heat7(u, n, 0.11); });
  compare_march(k::Heat27Cell{0.21}, [](const Array& u, Array& n) { k::reference::heat27(u, n, 0.21); });
  compare_march(k::Wave2Cell{0.5 * 0.5}, [](const Array& u, Array& n) { k::reference::wave2(u, n, 0.5); });
  compare_march(k::Wave8Cell{0.25 * 0.25}, [](const Array& u, Array& n) { k::reference::wave8(u, n, 0.25); });
}

TEST(GpuThreads, MarchDepthCoversAllPlanes) {
  for (const std::int64_t n0 : {1, 15, 16, 17, 100, 512})
    for (const std::int64_t wanted : {1, 100, 2112, 100000}) {
      const std::int64_t depth = gpu::march_depth(n0, 512, 512, wanted);
      EXPECT_GE(depth, 16);
      EXPECT_LE((n0 + depth - 1) / depth, std::max<std::int64_t>(1, (n0 + 15) / 16));
    }
}

TEST(GpuThreads, LanesHaveTheBitsOfTheHost) {
  for (const std::int64_t n : {0, 1, 7, 8, 9, 2047, 2048, 2049, 4096, 10001}) {
    std::vector<double> x(static_cast<std::size_t>(n));
    fill(x);
    const auto term = [&](std::int64_t i) { return x[static_cast<std::size_t>(i)] * 1.25; };
    // rounds one after the other: all threads compute, then all add
    std::vector<double> terms(gpu::lanes_round);
    double lane[8] = {};
    for (std::int64_t first = 0; first < n; first += gpu::lanes_round) {
      std::fill(terms.begin(), terms.end(), std::nan(""));
      for (std::uint32_t t = 32; t < gpu::lanes_threads; ++t)
        gpu::compute_terms(t, first, n, terms.data(), term);
      for (std::uint32_t l = 0; l < 8; ++l) lane[l] = gpu::add_terms(l, first, n, terms.data(), lane[l]);
    }
    const double sum =
        ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
    EXPECT_EQ(sum, kernels::in_lanes(n, term)) << n;
  }
}

TEST(GpuThreads, CombineHasTheBitsOfTheHost) {
  for (const std::int64_t n : {0, 1, 255, 256, 257, 10001}) {
    std::vector<double> values(static_cast<std::size_t>(n));
    fill(values);
    BinnedSum expected;
    for (const double x : values) expected.add(x);
    std::vector<BinnedSum> shares;
    for (std::uint32_t t = 0; t < gpu::combine_threads; ++t)
      shares.push_back(gpu::share_of<BinnedSum>(t, values.data(), n));
    // a step of all threads, then the next one
    for (std::uint32_t half = gpu::combine_threads / 2; half > 0; half /= 2)
      for (std::uint32_t t = 0; t < gpu::combine_threads; ++t) gpu::merge_half(t, half, shares.data());
    EXPECT_EQ(shares[0].value(), expected.value()) << n;
  }
}

TEST(GpuThreads, SellAndDiaRowsHaveTheBitsOfCsrRows) {
  gpu_check::GridSystem grid(13, 5);
  std::vector<double> x(static_cast<std::size_t>(grid.rows()));
  fill(x);
  for (std::size_t t = 0; t < grid.tiles().size(); ++t) {
    const auto& tile = grid.tiles()[t];
    std::vector<ColumnPart> parts;
    for (const auto& p : tile.parts)
      parts.push_back({x.data() + grid.first_row(p.producer), p.positions.data(),
                       static_cast<std::uint32_t>(p.positions.size())});
    Columns<double> columns{x.data() + grid.first_row(t), tile.csr.rows, parts};
    std::vector<double> local(tile.csr.columns, std::nan("")), host(tile.csr.columns);
    std::copy_n(columns.own, columns.own_count, host.begin());
    columns.gather_others(host.data() + columns.own_count);
    constexpr std::uint32_t threads = 512;
    for (std::uint32_t i = 0; i < threads; ++i) gpu::fetch_columns({i, threads}, columns, local.data());
    EXPECT_EQ(local, host);

    std::vector<double> expected(tile.csr.rows), csr(tile.csr.rows), sell(tile.csr.rows);
    for (std::uint32_t row = 0; row < tile.csr.rows; ++row)
      for (std::uint32_t k = tile.first[row]; k < tile.first[row + 1]; ++k)
        expected[row] += tile.values[k] * host[tile.csr.column[k]];
    std::vector<int> written(tile.csr.rows);
    for (std::uint32_t i = 0; i < threads; ++i) {
      gpu::multiply({i, threads}, tile.csr, local.data(),
                    [&](std::uint32_t row, double sum) { csr[row] = sum; });
      gpu::multiply({i, threads}, tile.sell, local.data(), [&](std::uint32_t row, double sum) {
        sell[row] = sum;
        ++written[row];
      });
    }
    EXPECT_EQ(csr, expected);
    EXPECT_EQ(sell, expected);
    EXPECT_EQ(written, std::vector<int>(tile.csr.rows, 1));

    // memory that ends where the padding ends, for the address sanitizer
    constexpr std::uint32_t lanes = DiaTile<double>::lanes;
    std::vector<double> padded(tile.csr.columns + 2 * lanes, std::nan("")), dia(tile.csr.rows);
    double* inside = padded.data() + lanes;
    for (std::uint32_t i = 0; i < threads; ++i) {
      gpu::clear_padding<DiaTile<double>>({i, threads}, tile.csr.columns, inside);
      gpu::fetch_columns({i, threads}, columns, inside);
    }
    for (std::uint32_t i = 0; i < threads; ++i)
      gpu::multiply({i, threads}, tile.dia, inside, [&](std::uint32_t row, double sum) { dia[row] = sum; });
    EXPECT_EQ(dia, expected);
  }
}

TEST(GpuThreads, LevelsSweepAsTheHostDoes) {
  gpu_check::GridSystem grid(13, 6);
  std::vector<double> x(static_cast<std::size_t>(grid.rows())), r = x;
  fill(x);
  fill(r);
  constexpr std::int64_t lanes = DiaTile<double>::lanes;
  for (std::size_t t = 0; t < grid.tiles().size(); ++t) {
    const auto& tile = grid.tiles()[t];
    const std::uint32_t n = tile.dia.rows;
    std::vector<ColumnPart> parts;
    for (const auto& p : tile.parts)
      parts.push_back({x.data() + grid.first_row(p.producer), p.positions.data(),
                       static_cast<std::uint32_t>(p.positions.size())});
    const Box rows{{0, 0, grid.first_row(t)}, {1, 1, grid.first_row(t + 1)}};
    std::vector<double> from_zero(n), from_x(n), got(n);
    Argument matrix, columns, right, out;
    matrix.data = const_cast<DiaTile<double>*>(&tile.dia);
    columns.data = x.data() + rows.lo[2];
    columns.parts = parts.data();
    columns.input_count = static_cast<std::uint32_t>(parts.size());
    right.data = r.data() + rows.lo[2];
    columns.box = right.box = out.box = rows;
    const auto on_host = [&](const Kernel& kernel, std::vector<Argument> arguments, std::vector<double>& to) {
      out.data = to.data();
      arguments.push_back(out);
      kernel.tile(kernel.functor.get(), Task{}, arguments.data(), nullptr);
    };
    on_host(kernels::gauss_seidel_zero(27), {matrix, right}, from_zero);
    on_host(kernels::gauss_seidel(27), {matrix, columns, right}, from_x);

    const auto forward = gpu::forward_levels(tile.dia), backward = gpu::backward_levels(tile.dia);
    if (n == 216) {  // rows of a level are done at once
      EXPECT_LT(forward.first.size(), n / 4);
    }
    // the rows of each level in the reverse of the host's order
    const auto sweep = [&](const gpu::LevelLists& lists, const auto& visit) {
      ASSERT_EQ(lists.order.size(), n);
      for (std::size_t v = 0; v + 1 < lists.first.size(); ++v)
        for (std::uint32_t i = lists.first[v + 1]; i-- > lists.first[v];) visit(lists.order[i]);
    };
    const double* rhs = r.data() + rows.lo[2];
    std::vector<double> z_memory(n + 2 * lanes);
    double* z = z_memory.data() + lanes;
    sweep(forward, [&](std::uint32_t row) { gpu::forward_from_zero(tile.dia, row, rhs, z); });
    sweep(backward, [&](std::uint32_t row) { gpu::backward_from_zero(tile.dia, row, z, got.data()); });
    EXPECT_EQ(got, from_zero);

    std::vector<double> local_memory(tile.dia.columns + 2 * lanes), change_memory(n + 2 * lanes);
    double *local = local_memory.data() + lanes, *change = change_memory.data() + lanes;
    gpu::fetch_columns({0, 1}, Columns<double>{x.data() + rows.lo[2], n, parts}, local);
    sweep(forward, [&](std::uint32_t row) { gpu::forward_from(tile.dia, row, rhs, local, change); });
    sweep(backward, [&](std::uint32_t row) { gpu::backward_from(tile.dia, row, local, change, got.data()); });
    EXPECT_EQ(got, from_x);
  }
}

}  // namespace
