// Time of a stencil sweep over the bound set by copying, for kernels, sizes, tile shapes and stores, all in
// one process and interleaved:
//   stencil_bench [--kernel heat7] [--n 64,128,256,512] [--threads 2] [--repeat 9]
//                 [--tiles 16x16,32x32,...] [--stores both|cached|streaming] [--kokkos]
// A tile is PLANESxROWS with whole rows. `fraction` is the time in which a copy with streaming stores moves
// the kernel's bytes per cell, measured over arrays of the same size between the sweeps, over the sweep's
// time; medians of the repeats. Where the fields fit into the cache the copy is no bound. `imbalance` is the
// share of the sweep that the slower thread had to itself.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <omp.h>
#include <sys/mman.h>

#include "kernels/stencil.hpp"
#include "runtime/data/stream.hpp"

namespace {

using namespace tutti;
using namespace tutti::kernels;

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.empty() ? 0 : (v[v.size() / 2] + v[(v.size() - 1) / 2]) / 2;
}

// A cubic field with its ghosts, laid out like a store: rows start at cache lines, huge pages.
struct Field {
  std::int64_t n, stride1, stride0, elements;
  double* memory;
  double* first;

  Field(std::int64_t n, std::int64_t halo, int threads) : n(n) {
    stride1 = (n + 8 + halo + 7) / 8 * 8;
    stride0 = stride1 * (n + 2 * halo);
    elements = stride0 * (n + 2 * halo) + 64;
    constexpr std::uint64_t huge_page = 2U << 20;
    const std::uint64_t bytes = static_cast<std::uint64_t>(elements) * 8 + huge_page;
    void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
      std::perror("mmap");
      std::exit(3);
    }
    void* start = p;
    std::size_t space = bytes;
    memory = static_cast<double*>(std::align(huge_page, bytes - huge_page, start, space));
    madvise(memory, bytes - huge_page, MADV_HUGEPAGE);
    first = memory + halo * (stride0 + stride1) + 8;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (std::int64_t i = 0; i < elements; ++i) memory[i] = 1.0 / static_cast<double>(1 + i % 97);
  }
  Argument cells(const Box& b) const {
    return {first + b.lo[0] * stride0 + b.lo[1] * stride1 + b.lo[2], stride0, stride1, b, 0};
  }
};

struct Variant {
  std::string label;
  Kernel kernel;
  std::vector<Box> tiles;
  bool kokkos = false;
  std::vector<double> times{}, imbalances{};
};

void sweep_tiles(Variant& v, const Field& u, const Field& out, int threads) {
  std::vector<double> end(static_cast<std::size_t>(threads) * 8);
  const double start = now_s();
#pragma omp parallel num_threads(threads)
  {
    const auto t = static_cast<std::size_t>(omp_get_thread_num());
    const std::size_t count = v.tiles.size(), all = static_cast<std::size_t>(threads);
    for (std::size_t q = count * t / all; q < count * (t + 1) / all; ++q) {
      const Argument arguments[] = {u.cells(v.tiles[q]), out.cells(v.tiles[q])};
      v.kernel.tile(v.kernel.functor.get(), Task{}, arguments, nullptr);
    }
    end[t * 8] = now_s();
  }
  const double whole = now_s() - start;
  double earliest = end[0];
  for (std::size_t t = 1; t < static_cast<std::size_t>(threads); ++t)
    earliest = std::min(earliest, end[t * 8]);
  v.imbalances.push_back(1 - (earliest - start) / whole);
}

void copy(const Field& u, const Field& out, std::int64_t elements, int threads) {
#pragma omp parallel num_threads(threads)
  {
    const std::int64_t t = omp_get_thread_num(), lines = elements / 8;
    for (std::int64_t i = lines * t / threads * 8; i < lines * (t + 1) / threads * 8; i += stream::lanes)
      stream::store(out.memory + i, stream::load(u.memory + i));
    stream::fence();
  }
}

template <class Work>
double timed(int rounds, Work work) {
  const double start = now_s();
  for (int r = 0; r < rounds; ++r) work();
  return (now_s() - start) / rounds;
}

}  // namespace

int main(int argc, char** argv) {
  std::string kernel = "heat7", sizes = "64,128,256,512", shapes, stores = "both";
  int threads = omp_get_max_threads(), repeat = 9;
  bool kokkos = false;
  for (int a = 1; a < argc; ++a) {
    const std::string key = argv[a];
    const auto value = [&] { return a + 1 < argc ? std::string(argv[++a]) : std::string(); };
    if (key == "--kernel")
      kernel = value();
    else if (key == "--n")
      sizes = value();
    else if (key == "--threads")
      threads = std::max(1, std::atoi(value().c_str()));
    else if (key == "--repeat")
      repeat = std::max(1, std::atoi(value().c_str()));
    else if (key == "--tiles")
      shapes = value();
    else if (key == "--stores")
      stores = value();
    else if (key == "--kokkos")
      kokkos = true;
    else {
      std::fprintf(stderr, "stencil_bench: unknown option %s\n", key.c_str());
      return 2;
    }
  }
  const auto make = [&](Stores s) -> Kernel {
    if (kernel == "heat7") return heat7(0.1, s);
    if (kernel == "heat27") return heat27(0.1, s);
    if (kernel == "wave2") return wave2(0.1, s);
    if (kernel == "wave8") return wave8(0.1, s);
    std::fprintf(stderr, "stencil_bench: kernel %s; there are heat7, heat27, wave2, wave8\n", kernel.c_str());
    std::exit(2);
  };
  if (kokkos) kokkos_initialize(threads);

  std::stringstream each_size(sizes);
  for (std::string word; std::getline(each_size, word, ',');) {
    const std::int64_t n = std::atoll(word.c_str());
    if (n < 1) continue;
    const Field u(n, 4, threads), out(n, 4, threads);
    std::vector<Variant> variants;
    std::stringstream each_shape(
        shapes.empty() ? "8x8,16x16,16x32,32x16,32x32,32x64,64x16,64x32,64x64,128x128" : shapes);
    for (std::string shape; std::getline(each_shape, shape, ',');) {
      long long planes = 0, rows = 0;
      if (std::sscanf(shape.c_str(), "%lldx%lld", &planes, &rows) != 2 || planes > n || rows > n) continue;
      for (const Stores s : {Stores::cached, Stores::streaming}) {
        if (stores != "both" && (stores == "cached") != (s == Stores::cached)) continue;
        Variant v{shape + (s == Stores::cached ? " cached" : " streaming"), make(s), {}};
        for (std::int64_t i = 0; i < n; i += planes)
          for (std::int64_t j = 0; j < n; j += rows)
            v.tiles.push_back(
                {{i, j, 0}, {std::min<std::int64_t>(n, i + planes), std::min<std::int64_t>(n, j + rows), n}});
        variants.push_back(std::move(v));
      }
    }
    if (kokkos)
      for (const Stores s : {Stores::cached, Stores::streaming})
        variants.push_back({s == Stores::cached ? "kokkos cached" : "kokkos streaming", make(s), {}, true});

    const std::int64_t cells = n * n * n;
    const int rounds = static_cast<int>(std::max<std::int64_t>(1, (std::int64_t{1} << 24) / cells));
    std::vector<double> copies;
    for (int r = -1; r < repeat; ++r) {
      const double c = timed(rounds, [&] { copy(u, out, cells, threads); });
      if (r >= 0) copies.push_back(c);
      for (Variant& v : variants) {
        if (r == 0) v.imbalances.clear();
        const double t = timed(rounds, [&] {
          if (v.kokkos) {
            const Argument arguments[] = {u.cells({{0, 0, 0}, {n, n, n}}), out.cells({{0, 0, 0}, {n, n, n}})};
            Task whole;
            whole.box = arguments[0].box;
            v.kernel.kokkos(v.kernel, whole, arguments);
          } else {
            sweep_tiles(v, u, out, threads);
          }
        });
        if (r >= 0) v.times.push_back(t);
      }
    }
    const double copy_s = median(copies), bytes = make(Stores::cached).cost.bytes;
    std::printf("%s %lld^3, %d threads: copy %.3f ms, %.1f GB/s\n", kernel.c_str(), static_cast<long long>(n),
                threads, copy_s * 1e3, 16e-9 * static_cast<double>(cells) / copy_s);
    for (const Variant& v : variants) {
      const double t = median(v.times), best = *std::min_element(v.times.begin(), v.times.end());
      std::printf(
          "  %-18s %9.3f ms  best %9.3f  %6.2f Gcell/s  fraction %.3f  best/best %.3f  tile %7.1f us  "
          "imbalance %.2f\n",
          v.label.c_str(), t * 1e3, best * 1e3, 1e-9 * static_cast<double>(cells) / t,
          copy_s * bytes / 16 / t, *std::min_element(copies.begin(), copies.end()) * bytes / 16 / best,
          v.tiles.empty() ? 0.0 : 1e6 * t * threads / static_cast<double>(v.tiles.size()),
          median(v.imbalances));
    }
    munmap(u.memory, static_cast<std::size_t>(u.elements) * 8);
    munmap(out.memory, static_cast<std::size_t>(out.elements) * 8);
  }
  if (kokkos) kokkos_finalize();
  return 0;
}
