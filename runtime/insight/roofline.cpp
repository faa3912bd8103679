#include "runtime/insight/roofline.hpp"

#include <chrono>
#include <cmath>

#include <omp.h>

#include "runtime/error.hpp"
#include "runtime/insight/bandwidth.hpp"
#include "runtime/insight/provenance.hpp"

namespace tutti {
namespace {

constexpr int lanes = 8;    // of a 512-bit vector; narrower ones take several
constexpr int chains = 12;  // independent of each other: latency times issue rate of today's cores, and more

/// The multiply-adds of one thread; returns a value that depends on all of them.
double multiply_add(std::int64_t rounds) {
  double x[chains][lanes];
  for (auto& chain : x)
    for (double& v : chain) v = 1;
  for (std::int64_t r = 0; r < rounds; ++r)
    for (auto& chain : x)
      for (double& v : chain) v = std::fma(v, 0.999999, 1e-6);
  double sum = 0;
  for (const auto& chain : x)
    for (const double v : chain) sum += v;
  return sum;
}

}  // namespace

double peak_flops_per_s(int threads) {
  constexpr std::int64_t rounds = 20000;
  double best = 0;
  double check = 0;
  for (int pass = 0; pass < 25; ++pass) {
    double sum = 0;
    const auto begin = std::chrono::steady_clock::now();
#pragma omp parallel num_threads(threads) reduction(+ : sum)
    sum += multiply_add(rounds);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    best = std::max(best, 2.0 * rounds * chains * lanes * threads / took.count());
    check += sum;
  }
  // a use of the sums that the compiler cannot drop
  if (!(check > 0)) environment_error("peak: the sum of positive numbers is {}", check);
  return best;
}

double all_copy_bytes_per_s(Transport& transport, std::uint32_t workers) {
  BandwidthOptions options;
  options.threads = static_cast<int>(workers);
  options.array_bytes = std::max(options.array_bytes, 4 * last_level_cache_bytes());
  options.ranks_on_node = transport.ranks_on_node();
  options.before_pass = [&] { transport.barrier(); };
  return static_cast<double>(transport.sum(static_cast<std::uint64_t>(copy_bandwidth(options))));
}

Roofline measure_roofline(Transport& transport, std::uint32_t workers, double known_bytes_per_s) {
  Roofline roofline;
  roofline.bytes_per_s = known_bytes_per_s > 0 ? known_bytes_per_s : all_copy_bytes_per_s(transport, workers);
  transport.barrier();
  const double mine = peak_flops_per_s(static_cast<int>(workers));
  roofline.flops_per_s = static_cast<double>(transport.sum(static_cast<std::uint64_t>(mine)));
  return roofline;
}

}  // namespace tutti
