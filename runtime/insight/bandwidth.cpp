#include "runtime/insight/bandwidth.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

#include <omp.h>
#include <sys/mman.h>

#include "runtime/data/stream.hpp"
#include "runtime/error.hpp"

namespace tutti {
namespace {

using stream::fence;
using stream::load;
using stream::Vector;
constexpr std::size_t lanes = stream::lanes;

constexpr std::size_t block = 64;  // elements; parts of threads are multiples of it

class Arrays {
 public:
  Arrays(const BandwidthOptions& o, std::size_t arrays) : threads_(o.threads) {
    if (o.threads < 1 || o.ranks_on_node < 1 || o.passes < 1)
      usage_error("bandwidth: {} threads, {} ranks, {} passes; all must be positive", o.threads,
                  o.ranks_on_node, o.passes);
    const std::uint64_t whole = o.array_bytes / o.ranks_on_node / (block * sizeof(double));
    elements_ = std::max<std::size_t>(whole, static_cast<std::size_t>(o.threads)) * block;
    bytes_ = arrays * elements_ * sizeof(double) + huge_page;
    memory_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED)
      environment_error("bandwidth: no memory for {} MiB; free some, or measure smaller arrays",
                        bytes_ >> 20);
#if defined(MADV_HUGEPAGE)
    madvise(memory_, bytes_, MADV_HUGEPAGE);  // refused at worst
#endif
    void* start = memory_;
    std::size_t space = bytes_;
    first_ = static_cast<double*>(std::align(huge_page, bytes_ - huge_page, start, space));
    parts([&](std::size_t lo, std::size_t hi, int) {
      for (std::size_t a = 0; a < arrays; ++a) std::fill((*this)[a] + lo, (*this)[a] + hi, 1.0);
    });
  }
  ~Arrays() { munmap(memory_, bytes_); }
  Arrays(const Arrays&) = delete;
  Arrays& operator=(const Arrays&) = delete;

  double* operator[](std::size_t array) const { return first_ + array * elements_; }
  std::size_t elements() const { return elements_; }

  /// work(lo, hi, thread) on each thread's part.
  template <class Work>
  void parts(Work work) const {
#pragma omp parallel num_threads(threads_)
    {
      const auto t = static_cast<std::size_t>(omp_get_thread_num());
      const auto n = static_cast<std::size_t>(omp_get_num_threads());
      const std::size_t blocks = elements_ / block;
      work(blocks * t / n * block, blocks * (t + 1) / n * block, static_cast<int>(t));
      fence();
    }
  }

 private:
  static constexpr std::size_t huge_page = 2U << 20;
  int threads_;
  std::size_t elements_ = 0;
  std::size_t bytes_ = 0;
  void* memory_ = nullptr;
  double* first_ = nullptr;
};

template <class Pass>
double median_s(int passes, const std::function<void()>& before_pass, Pass pass) {
  std::vector<double> times;
  for (int p = -1; p < passes; ++p) {
    if (before_pass) before_pass();
    const auto start = std::chrono::steady_clock::now();
    pass();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (p >= 0) times.push_back(elapsed.count());
  }
  std::sort(times.begin(), times.end());
  const std::size_t middle = times.size() / 2;
  return times.size() % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2;
}

double copy(const Arrays& a, const BandwidthOptions& options) {
  const double s = median_s(options.passes, options.before_pass, [&] {
    a.parts([&](std::size_t lo, std::size_t hi, int) {
      const double* from = a[0];
      double* to = a[1];
      for (std::size_t i = lo; i < hi; i += lanes) stream::store(to + i, load(from + i));
    });
  });
  return 16.0 * static_cast<double>(a.elements()) / s;
}

}  // namespace

double copy_bandwidth(const View<const double>& from, const View<double>& to, int threads, int passes) {
  constexpr std::uintptr_t vector_bytes = sizeof(Vector);
  const std::int64_t n = from.extent(2);
  const double s = median_s(passes, {}, [&] {
#pragma omp parallel num_threads(threads)
    {
#pragma omp for collapse(2) schedule(static)
      for (std::int64_t i = 0; i < from.extent(0); ++i)
        for (std::int64_t j = 0; j < from.extent(1); ++j) {
          const double* source = from.row(i, j);
          double* target = to.row(i, j);
          std::int64_t k = 0;
          for (; k < n && reinterpret_cast<std::uintptr_t>(target + k) % vector_bytes != 0; ++k)
            target[k] = source[k];
          for (; k + static_cast<std::int64_t>(lanes) <= n; k += lanes)
            stream::store(target + k, load(source + k));
          for (; k < n; ++k) target[k] = source[k];
        }
      fence();
    }
  });
  return 16.0 * static_cast<double>(from.box.size()) / s;
}

double copy_bandwidth(const BandwidthOptions& options) { return copy(Arrays(options, 2), options); }

Bandwidth memory_bandwidth(const BandwidthOptions& options) {
  const Arrays a(options, 3);
  const auto n = static_cast<double>(a.elements());
  Bandwidth result;
  result.copy_bytes_per_s = copy(a, options);
  const double triad_s = median_s(options.passes, options.before_pass, [&] {
    a.parts([&](std::size_t lo, std::size_t hi, int) {
      const double *x = a[0], *y = a[1];
      double* to = a[2];
      for (std::size_t i = lo; i < hi; i += lanes) stream::store(to + i, load(x + i) + 3.0 * load(y + i));
    });
  });
  result.triad_bytes_per_s = 24.0 * n / triad_s;
  std::vector<double> sums(static_cast<std::size_t>(options.threads) *
                           8);  // a line each; keeps the loads alive
  const double read_s = median_s(options.passes, options.before_pass, [&] {
    a.parts([&](std::size_t lo, std::size_t hi, int thread) {
      constexpr std::size_t chains = block / lanes < 8 ? block / lanes : 8;  // hide the latency of addition
      Vector sum[chains] = {};
      for (std::size_t i = lo; i < hi; i += chains * lanes)
        for (std::size_t c = 0; c < chains; ++c) sum[c] += load(a[0] + i + c * lanes);
      double total = 0;
      for (const Vector& v : sum)
        for (std::size_t l = 0; l < lanes; ++l) total += v[l];
      sums[static_cast<std::size_t>(thread) * 8] += total;
    });
  });
  result.read_bytes_per_s = 8.0 * n / read_s;
  // a use of the sums that the compiler cannot drop
  if (!(sums[0] >= 0)) environment_error("bandwidth: the sum of ones is {}", sums[0]);
  return result;
}

}  // namespace tutti
